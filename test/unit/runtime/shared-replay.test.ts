import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { AnyActorKind } from '../../../runtime/actor-kind.ts';
import type { Recovering } from '../../../runtime/entity/host.ts';
import { entityId } from '../../../runtime/ids.ts';
import type { PositionedRecord, TelemetryLog } from '../../../runtime/log.ts';
import { SharedReplay } from '../../../runtime/shared-replay.ts';

it('a replay ends where the log ended when it began, though others go on writing to it', {
  timeout: 10_000,
}, async () => {
  const source = entityId('device', 'm-1');
  const tank = entityId('asset', 'a-1');
  let written = 20;
  const log: Pick<TelemetryLog, 'end' | 'read'> = {
    end: async () => written,
    // Whoever reads finds one more each time.
    read: async (after) => {
      written++;
      const records: PositionedRecord[] = [];
      for (let position = after + 1; position <= Math.min(written, after + 3); position++)
        records.push({ position, source, observation: null });
      return records;
    },
  };
  const seen: number[] = [];
  const entity: Recovering = {
    id: tank,
    kind: { observe: () => [] } as unknown as AnyActorKind,
    logPosition: 4,
    replay: ({ position }) => {
      seen.push(position);
    },
  };
  const replays = new SharedReplay({ log: log as TelemetryLog, followersOf: () => [tank], covered: () => 0 });
  await replays.replay(entity);
  assert.deepEqual(
    seen,
    Array.from({ length: 16 }, (_, n) => n + 5),
    'all up to the end, and nothing that came later',
  );
});

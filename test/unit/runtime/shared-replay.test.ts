import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AnyActorKind } from '../../../runtime/actor-kind.ts';
import type { Recovering } from '../../../runtime/entity/host.ts';
import { type EntityId, entityId } from '../../../runtime/ids.ts';
import type { PositionedRecord, TelemetryLog } from '../../../runtime/log.ts';
import { SharedReplay } from '../../../runtime/shared-replay.ts';

const source = entityId('device', 'm-1');
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** One that notes what it is given. */
function tank(name: string, { logPosition = 0, isAwaited = false } = {}) {
  const seen: number[] = [];
  const entity: Recovering & { isAwaited: boolean } = {
    id: entityId('asset', name),
    kind: { observe: () => [] } as unknown as AnyActorKind,
    logPosition,
    isAwaited,
    replay: ({ position }) => {
      seen.push(position);
    },
  };
  return { entity, seen };
}

function logOf(written: () => number, reads: number[] = []): TelemetryLog {
  const log: Pick<TelemetryLog, 'end' | 'read'> = {
    end: async () => written(),
    read: async (after) => {
      reads.push(after);
      const records: PositionedRecord[] = [];
      for (let position = after + 1; position <= Math.min(written(), after + 3); position++)
        records.push({ position, source, observation: null });
      return records;
    },
  };
  return log as TelemetryLog;
}

function replaysOf(log: TelemetryLog, ids: readonly EntityId[], gathered: () => Promise<void> = async () => {}) {
  return new SharedReplay({ log, followersOf: () => ids, covered: () => 0, gathered });
}

describe('what the log has for entities that are built', () => {
  it('ends where the log ended when it began, though others go on writing to it', { timeout: 10_000 }, async () => {
    let written = 20;
    const { entity, seen } = tank('a-1', { logPosition: 4 });
    // Whoever reads finds one more each time.
    const log = logOf(() => written);
    const read: TelemetryLog['read'] = (after, limit) => {
      written++;
      return log.read(after, limit);
    };
    await replaysOf({ ...log, read } as TelemetryLog, [entity.id]).replay(entity);
    assert.deepEqual(
      seen,
      Array.from({ length: 16 }, (_, n) => n + 5),
      'all up to the end, and nothing that came later',
    );
  });

  it('is read once for all that were asked for together', async () => {
    const reads: number[] = [];
    const tanks = ['a-1', 'a-2', 'a-3'].map((name) => tank(name));
    const ids = tanks.map(({ entity }) => entity.id);
    let gathered = () => {};
    const replays = replaysOf(
      logOf(() => 3, reads),
      ids,
      () => new Promise((resolve) => (gathered = resolve)),
    );
    const first = tanks.slice(0, 1).map(({ entity }) => replays.replay(entity));
    await turn();
    const others = tanks.slice(1).map(({ entity }) => replays.replay(entity));
    await turn();
    assert.deepEqual(reads, [], 'the others of its group are still being read from the journal');
    gathered();
    await Promise.all([...first, ...others]);
    for (const { seen } of tanks) assert.deepEqual(seen, [1, 2, 3]);
    assert.deepEqual(reads, [0]);
  });

  it('does not keep anybody waiting for those whom nobody waits for', { timeout: 10_000 }, async () => {
    const [quiet, sending, later] = [tank('quiet'), tank('sending', { isAwaited: true }), tank('later')];
    const ids = [quiet, sending, later].map(({ entity }) => entity.id);
    // The rest is never gathered.
    const replays = replaysOf(
      logOf(() => 3),
      ids,
      () => new Promise(() => {}),
    );
    void replays.replay(quiet.entity);
    const awaitedLater = replays.replay(later.entity);
    await replays.replay(sending.entity);
    assert.deepEqual([sending.seen, quiet.seen, later.seen], [[1, 2, 3], [], []]);
    later.entity.isAwaited = true;
    replays.awaited();
    await awaitedLater;
    assert.deepEqual([later.seen, quiet.seen], [[1, 2, 3], []]);
  });
});

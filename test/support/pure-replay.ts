import assert from 'node:assert/strict';
import type { AnyActorKind, Who } from '../../runtime/actor-kind.ts';
import type { EntityId } from '../../runtime/ids.ts';
import type { Journal } from '../../runtime/journal.ts';
import type { PositionedRecord, TelemetryLog } from '../../runtime/log.ts';

const BY_LOG: Who = { user: 'system', via: 'log' };

/**
 * The state of an entity from journal and log alone, folded from the beginning without the engine: what every run, however
 * often it crashed, has to come to. On the way it checks that what the kind says of a reading now is what the journal says
 * of it.
 */
export async function replayPurely<State>(options: {
  readonly kind: AnyActorKind;
  readonly id: EntityId;
  readonly definition: unknown;
  readonly journal: Pick<Journal, 'events'>;
  readonly log: Pick<TelemetryLog, 'read'>;
  readonly follows: (source: EntityId) => boolean;
}): Promise<State> {
  const { kind, id, definition, journal, log, follows } = options;
  const entries = await journal.events(id, 0);
  for (const [index, entry] of entries.entries()) assert.equal(entry.seq, index + 1, `${id} has a gap in its history`);
  let state: unknown = kind.initial({ id, definition });
  let next = 0;
  const applyBefore = (position: number) => {
    for (let entry = entries[next]; entry && entry.logPosition < position; entry = entries[++next]) {
      state = kind.evolve(state, entry.event, { id, definition, nowMs: entry.timeMs, by: entry.by, permissions: [] });
    }
  };
  for (const record of await wholeLog(log)) {
    if (!(record.source === id && kind.admit) && !follows(record.source)) continue;
    applyBefore(record.position);
    const nowMs = (record.observation as { gatewayTimeMs: number }).gatewayTimeMs;
    const decided =
      kind.observe?.(state, record.observation, {
        id,
        definition,
        nowMs,
        by: BY_LOG,
        permissions: [],
        source: record.source,
        replay: true,
      }) ?? [];
    const journaled = entries
      .filter((entry) => entry.logPosition === record.position && entry.by.via === 'log')
      .map((entry) => entry.event);
    assert.deepEqual(journaled, decided, `${id} decides otherwise on record ${record.position} than its journal says`);
  }
  applyBefore(Number.POSITIVE_INFINITY);
  return state as State;
}

async function wholeLog(log: Pick<TelemetryLog, 'read'>): Promise<PositionedRecord[]> {
  const records: PositionedRecord[] = [];
  for (
    let batch = await log.read(0, 5000);
    batch.length > 0;
    batch = await log.read(records.at(-1)?.position ?? 0, 5000)
  )
    records.push(...batch);
  return records;
}

import { CommandId, EntityId } from '../ids.ts';
import type { Append, JournalEntry } from '../journal.ts';
import type { JournalSchema } from './schema.ts';
import { storable } from './storable.ts';
import { viaOf } from './via.ts';

export type JournalRow = JournalSchema['journal'];

/** A row of the journal but for its position, which the append gives it. */
export function rowOf(turn: Append, nth: number): Omit<JournalRow, 'position'> {
  const event = turn.events[nth];
  if (!event) throw new RangeError(`a turn of ${turn.events.length} events has no number ${nth}`);
  return {
    entity: turn.entity,
    seq: turn.firstSeq + nth,
    shard: turn.shard,
    epoch: turn.epoch,
    command_id: turn.commandId,
    kind: event.kind,
    event: JSON.stringify(event.event),
    time_ms: turn.timeMs,
    by_user: storable(turn.by.user),
    by_via: turn.by.via,
    log_position: turn.logPosition,
    before: JSON.stringify(event.before),
    after: JSON.stringify(event.after),
    cell: null,
  };
}

/** Effects stand under the first event of their turn. */
export function effectRowsOf({ entity, firstSeq, effects }: Append): JournalSchema['effect'][] {
  return effects.map(({ index, effect }) => ({ entity, seq: firstSeq, idx: index, effect: JSON.stringify(effect) }));
}

export function entryOf(row: JournalRow): JournalEntry {
  return {
    position: row.position,
    entity: EntityId.parse(row.entity),
    seq: row.seq,
    shard: row.shard,
    epoch: row.epoch,
    commandId: row.command_id === null ? null : CommandId.parse(row.command_id),
    kind: row.kind,
    event: JSON.parse(row.event),
    timeMs: row.time_ms,
    by: { user: row.by_user, via: viaOf(row.by_via) },
    logPosition: row.log_position,
    before: JSON.parse(row.before),
    after: JSON.parse(row.after),
    ...(row.cell !== null && { cell: row.cell }),
  };
}

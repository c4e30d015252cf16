import { CommandId, type EntityId } from '../../runtime/ids.ts';
import type { Append } from '../../runtime/journal.ts';
import type { Json } from '../../runtime/json.ts';

/** A turn with as many events as names are given. */
export function turn(
  entity: EntityId,
  firstSeq: number,
  given: Partial<Omit<Append, 'events' | 'commandId' | 'effects'>> & {
    readonly kinds?: readonly string[];
    readonly commandId?: string;
    readonly effects?: readonly Json[];
  } = {},
): Append {
  const { kinds = ['ValueSet'], commandId, effects = [], ...rest } = given;
  return {
    entity,
    firstSeq,
    shard: 0,
    epoch: 1,
    commandId: commandId === undefined ? null : CommandId.parse(commandId),
    commandHash: commandId === undefined ? null : 'the same',
    answer: { done: commandId ?? null },
    timeMs: 1000 + firstSeq,
    by: { user: 'tester', via: 'http' },
    logPosition: 0,
    events: kinds.map((kind, index) => ({ kind, event: { kind, n: index }, before: { n: null }, after: { n: index } })),
    effects: effects.map((effect, index) => ({ index, effect })),
    ...rest,
  };
}

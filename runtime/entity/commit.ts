import type { Turn, Who } from '../actor-kind.ts';
import { ErrorWithCode } from '../errors.ts';
import type { CommandId } from '../ids.ts';
import type { Append } from '../journal.ts';
import type { Json } from '../json.ts';
import { answerOf, StoreFailure } from '../store-failure.ts';
import type { EntityHost } from './host.ts';
import type { Memory } from './memory.ts';

/** What a kind decided; more of it only the kind knows. */
export interface DecidedEvent {
  readonly kind: string;
}

export interface Decided {
  readonly events: readonly DecidedEvent[];
  readonly by: Who;
  /** Null for what the entity decided by itself. */
  readonly commandId: CommandId | null;
  readonly commandHash: string | null;
  readonly answer: Json;
}

export type Committed =
  | { readonly kind: 'committed' }
  /** The command id was known: nothing was written, and this was the first answer. */
  | { readonly kind: 'repeated'; readonly answer: Json }
  /** The command id was known for another command: nothing was written. */
  | { readonly kind: 'reused' }
  /** Another node may own the entity: this one must not go on. */
  | { readonly kind: 'fenced'; readonly reason: string };

const NOT_VERIFIED = new ErrorWithCode('UNAVAILABLE', 'whether this node still owns the shard is to be verified');

/**
 * Takes what was decided into the history of an entity, and only then into its memory; effects begin last. Throws when the
 * journal cannot say whether it has the events: memory is then no longer to be believed.
 */
export async function commit(memory: Memory, host: EntityHost, decided: Decided): Promise<Committed> {
  const shard = host.shardOf(memory.id);
  const { epoch } = memory;
  if (epoch === undefined || host.ownership.heldUnder(shard) !== epoch)
    return { kind: 'fenced', reason: 'this node does not own the shard' };
  if (host.ownership.epochOf(shard) !== epoch) throw new StoreFailure('journal', NOT_VERIFIED);
  const { events, by, commandId, commandHash, answer } = decided;
  const turn = memory.turn(by);
  const { state, rows, effects } = fold(memory, events, turn);
  const firstSeq = memory.seq + 1;
  const append: Append = {
    entity: memory.id,
    firstSeq,
    shard,
    epoch,
    commandId,
    commandHash,
    answer,
    timeMs: turn.nowMs,
    by,
    logPosition: memory.logPosition,
    events: rows,
    effects,
  };
  const appended = await answerOf('journal', host.committer.append(append));
  if (appended.kind !== 'committed') return appended;
  memory.state = state;
  memory.seq += events.length;
  for (const { index, effect } of effects) host.effects.begin({ entity: memory.id, seq: firstSeq, index, effect });
  return { kind: 'committed' };
}

/** The state after the events, the rows that the journal is to have, and what is to be done elsewhere. */
function fold(
  { kind, self, state: before }: Memory,
  events: readonly DecidedEvent[],
  turn: Turn<unknown>,
): { readonly state: unknown; readonly rows: Append['events']; readonly effects: Append['effects'] } {
  let state = before;
  const effects: { index: number; effect: Json }[] = [];
  const rows = events.map((event) => {
    const before = kind.describe?.(state, event) ?? null;
    state = kind.evolve(state, event, turn);
    const after = kind.describe?.(state, event) ?? null;
    for (const effect of kind.effects?.(event, state, self) ?? []) effects.push({ index: effects.length, effect });
    return { kind: event.kind, event: event as unknown as Json, before, after };
  });
  return { state, rows, effects };
}

import type { Turn, Who } from '../actor-kind.ts';
import { ErrorWithCode } from '../errors.ts';
import type { CommandId } from '../ids.ts';
import type { Append } from '../journal.ts';
import type { Json } from '../json.ts';
import { answerOf, StoreFailure } from '../store-failure.ts';
import type { EntityHost } from './host.ts';
import type { Memory } from './memory.ts';
import { Unrecorded } from './unrecorded.ts';

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
  | { readonly kind: 'fenced'; readonly reason: string }
  /**
   * The journal is away. What the entity decided by itself stands in its memory as not recorded, and so it goes on; a command
   * was not carried out. `sent`: it may be in the journal all the same.
   */
  | { readonly kind: 'unrecorded'; readonly failure: StoreFailure; readonly sent: boolean };

const NOT_VERIFIED = new ErrorWithCode('UNAVAILABLE', 'whether this node still owns the shard is to be verified');

/** What keeps an entity from its journal is that the lease of its node is to be verified anew: soon over, or known to be lost. */
export function isNotVerified({ cause }: StoreFailure): boolean {
  return cause === NOT_VERIFIED;
}

/** Under which an entity may be committed to the journal now, or what keeps it from that. */
function whyNot(
  { id, epoch }: Memory,
  host: EntityHost,
): Extract<Committed, { kind: 'fenced' | 'unrecorded' }> | undefined {
  const shard = host.shardOf(id);
  if (epoch === undefined || host.ownership.heldUnder(shard) !== epoch)
    return { kind: 'fenced', reason: 'this node does not own the shard' };
  // First, since the journal calls back when it answers, and for the lease one has to look again and again.
  const away = host.journalAway();
  if (away !== undefined) return { kind: 'unrecorded', failure: away, sent: false };
  if (host.ownership.epochOf(shard) !== epoch)
    return { kind: 'unrecorded', failure: new StoreFailure('journal', NOT_VERIFIED), sent: false };
  return undefined;
}

/**
 * Takes what was decided into the history of an entity, and only then into its memory; effects begin last. Where the journal
 * is away, what the entity decided by itself goes into its memory as not recorded. Throws where the journal says that it will
 * never take this.
 */
export async function commit(memory: Memory, host: EntityHost, decided: Decided): Promise<Committed> {
  const kept = whyNot(memory, host);
  if (kept?.kind === 'fenced') return kept;
  const { append, state } = fold(memory, host, decided);
  if (kept) return goOn(memory, append, state, kept);
  try {
    const appended = await answerOf('journal', host.committer.append(append));
    if (appended.kind !== 'committed') return appended;
  } catch (failure) {
    if (!(failure instanceof StoreFailure) || !failure.retryable) throw failure;
    return goOn(memory, append, state, { kind: 'unrecorded', failure, sent: true });
  }
  memory.state = state;
  recorded(memory, host, append);
  return { kind: 'committed' };
}

/** Into the memory of an entity as not recorded, to be taken into its history later, by `record`: never asks the journal. */
export function commitLater(memory: Memory, host: EntityHost, decided: Decided): Unrecorded {
  const { append, state } = fold(memory, host, decided);
  memory.unrecorded ??= new Unrecorded(memory.state, append.timeMs);
  memory.unrecorded.add(append);
  memory.state = state;
  return memory.unrecorded;
}

function goOn(
  memory: Memory,
  append: Append,
  state: unknown,
  outcome: Extract<Committed, { kind: 'unrecorded' }>,
): Committed {
  const isCommand = append.commandId !== null;
  // Refused and never sent, a command changes nothing.
  if (isCommand && !outcome.sent) return outcome;
  memory.unrecorded ??= new Unrecorded(memory.state, append.timeMs);
  if (outcome.sent) memory.unrecorded.sent([append]);
  if (isCommand) return outcome;
  memory.unrecorded.add(append);
  memory.state = state;
  return outcome;
}

/** The journal has this turn: it counts, and what it leads to elsewhere is begun. */
function recorded(memory: Memory, host: EntityHost, { entity, firstSeq, events, effects }: Append): void {
  memory.seq = firstSeq + events.length - 1;
  for (const { index, effect } of effects) host.effects.begin({ entity, seq: firstSeq, index, effect });
}

export type Recorded =
  /** The journal has all of it. */
  | { readonly kind: 'recorded' }
  /** What was decided here does not follow from what the journal has: memory has to be built again. */
  | { readonly kind: 'superseded' }
  | Extract<Committed, { kind: 'fenced' | 'unrecorded' }>;

/**
 * Takes what an entity has decided ahead of the journal into its history, turn by turn and as it was decided: all at once and
 * in order, so that they share the commits of the node. Throws where the journal says that it will never take this.
 */
export async function record(memory: Memory, host: EntityHost): Promise<Recorded> {
  const { unrecorded } = memory;
  if (unrecorded === undefined) return { kind: 'recorded' };
  const kept = whyNot(memory, host);
  if (kept) return kept;
  try {
    // Who committed what is there has told of it and begun its effects (`Committer`).
    if (unrecorded.isDoubtful)
      memory.seq = unrecorded.settle(memory.seq, await answerOf('journal', host.journal.events(memory.id, memory.seq)));
    if (unrecorded.superseded) return { kind: 'superseded' };
    const turns = [...unrecorded.turns];
    unrecorded.sent(turns);
    const answers = await Promise.allSettled(turns.map((turn) => answerOf('journal', host.committer.append(turn))));
    for (const [nth, turn] of turns.entries()) {
      const answer = answers[nth];
      // What came behind one that the journal has not could not follow from what it has, and was not taken either.
      if (answer?.status !== 'fulfilled') throw answer?.reason;
      if (answer.value.kind === 'fenced') return answer.value;
      if (answer.value.kind !== 'committed') throw new Error('what nobody asked for cannot be a repeat');
      unrecorded.taken();
      recorded(memory, host, turn);
    }
  } catch (failure) {
    if (!(failure instanceof StoreFailure) || !failure.retryable) throw failure;
    return { kind: 'unrecorded', failure, sent: true };
  }
  memory.unrecorded = undefined;
  return { kind: 'recorded' };
}

/** The state after the events, and the turn as the journal is to have it: its rows, and what is to be done elsewhere. */
function fold(
  memory: Memory,
  host: EntityHost,
  { events, by, commandId, commandHash, answer }: Decided,
): { readonly state: unknown; readonly append: Append } {
  const { id, kind, self, epoch = 0, logPosition } = memory;
  const turn: Turn<unknown> = memory.turn(by);
  let { state } = memory;
  const effects: { index: number; effect: Json }[] = [];
  const rows = events.map((event) => {
    const before = kind.describe?.(state, event) ?? null;
    state = kind.evolve(state, event, turn);
    const after = kind.describe?.(state, event) ?? null;
    for (const effect of kind.effects?.(event, state, self) ?? []) effects.push({ index: effects.length, effect });
    return { kind: event.kind, event: event as unknown as Json, before, after };
  });
  const append: Append = {
    entity: id,
    firstSeq: memory.unrecorded?.nextSeq(memory.seq) ?? memory.seq + 1,
    shard: host.shardOf(id),
    epoch,
    commandId,
    commandHash,
    answer,
    timeMs: turn.nowMs,
    by,
    logPosition,
    events: rows,
    effects,
  };
  return { state, append };
}

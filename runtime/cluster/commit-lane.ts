import type { Epoch, Shard } from '../ownership.ts';
import type { Instant } from './instant.ts';
import { invariant, type Step } from './machine.ts';
import type { Timing } from './timing.ts';

/**
 * The way of a shard's turns into the journal: one batch under way, so that rows of an entity cannot overtake each other and
 * an unknown outcome concerns one batch. After it nothing else is sent before the journal was asked what it has. What it
 * has not is sent again as it stands: the same sequence numbers and command ids, so that the late original and its repeat
 * cannot both count.
 */
export interface CommitLane<Turn> {
  readonly shard: Shard;
  readonly epoch: Epoch;
  readonly waiting: readonly Turn[];
  readonly underWay: UnderWay<Turn> | undefined;
  readonly nextId: number;
  /** Fenced or stopped: takes nothing, sends nothing. */
  readonly closed: boolean;
}

interface UnderWay<Turn> {
  readonly id: number;
  readonly turns: readonly Turn[];
  /** `unknown` waits for the moment to ask the journal again. */
  readonly step: 'appending' | 'reading' | 'unknown';
  readonly untilMonoMs: number;
  /** An earlier attempt of the same turns may still arrive. */
  readonly again: boolean;
  /** What the journal said to a repeat that it refused: reading back tells whether it was our own first attempt that stood in the way. */
  readonly verdict: readonly TurnFate[] | undefined;
}

export type TurnFate =
  | { readonly kind: 'committed' }
  /** The command stood in the journal before this turn was decided. */
  | { readonly kind: 'repeated' }
  | { readonly kind: 'fenced'; readonly reason: string };

/** What reading back found for a turn: a row with its sequence number under our epoch is this turn and no other. */
export type Found = 'committed' | 'repeated' | 'absent';

export type CommitInput<Turn> =
  | { readonly kind: 'commit'; readonly at: Instant; readonly turn: Turn }
  | { readonly kind: 'appended'; readonly at: Instant; readonly id: number; readonly fates: readonly TurnFate[] }
  /** No answer, or one that says nothing: the batch may be in the journal, or get there yet. */
  | { readonly kind: 'appendFailed'; readonly at: Instant; readonly id: number }
  | { readonly kind: 'readBack'; readonly at: Instant; readonly id: number; readonly found: readonly Found[] }
  | { readonly kind: 'readBackFailed'; readonly at: Instant; readonly id: number }
  | { readonly kind: 'tick'; readonly at: Instant }
  | { readonly kind: 'close' };

export type CommitEffect<Turn> =
  | {
      readonly kind: 'append';
      readonly shard: Shard;
      readonly epoch: Epoch;
      readonly id: number;
      readonly turns: readonly Turn[];
    }
  | {
      readonly kind: 'readBack';
      readonly shard: Shard;
      readonly epoch: Epoch;
      readonly id: number;
      readonly turns: readonly Turn[];
    }
  /** Apply, answer, begin effects; in this order of turns. */
  | { readonly kind: 'settled'; readonly turn: Turn; readonly fate: 'committed' | 'repeated' }
  | { readonly kind: 'overloaded'; readonly turn: Turn }
  /** Not sent, or its fate not known, and never to be tried again here; the sender hears STALE_ROUTE and asks the next owner. */
  | { readonly kind: 'dropped'; readonly turn: Turn }
  | { readonly kind: 'fenced'; readonly shard: Shard; readonly epoch: Epoch; readonly reason: string };

export function commitLane<Turn>(shard: Shard, epoch: Epoch): CommitLane<Turn> {
  return { shard, epoch, waiting: [], underWay: undefined, nextId: 1, closed: false };
}

/** Nothing waits and nothing is unknown: a handoff may go on. */
export function isIdle<Turn>(lane: CommitLane<Turn>): boolean {
  return lane.waiting.length === 0 && lane.underWay === undefined;
}

export function stepCommitLane<Turn>(
  lane: CommitLane<Turn>,
  input: CommitInput<Turn>,
  timing: Timing,
): Step<CommitLane<Turn>, CommitEffect<Turn>> {
  if (input.kind === 'close') return close(lane);
  if (lane.closed) {
    if (input.kind === 'commit') return { state: lane, effects: [{ kind: 'dropped', turn: input.turn }] };
    return { state: lane, effects: [] };
  }
  if (input.kind === 'commit') {
    if (lane.waiting.length >= timing.waitingTurns)
      return { state: lane, effects: [{ kind: 'overloaded', turn: input.turn }] };
    return send({ ...lane, waiting: [...lane.waiting, input.turn] }, input.at, timing);
  }
  const { underWay } = lane;
  if (underWay === undefined || ('id' in input && input.id !== underWay.id)) return { state: lane, effects: [] };
  switch (input.kind) {
    case 'appended':
      // An answer that comes while it is being read back is as good as any.
      return appended(lane, underWay, input, timing);
    case 'appendFailed':
      return underWay.step === 'appending' ? read(lane, underWay, input.at, timing) : { state: lane, effects: [] };
    case 'readBack':
      return underWay.step === 'appending' ? { state: lane, effects: [] } : found(lane, underWay, input, timing);
    case 'readBackFailed': {
      if (underWay.step !== 'reading') return { state: lane, effects: [] };
      const untilMonoMs = input.at.monoMs + timing.retryMs;
      return { state: { ...lane, underWay: { ...underWay, step: 'unknown', untilMonoMs } }, effects: [] };
    }
    case 'tick':
      return input.at.monoMs >= underWay.untilMonoMs
        ? read(lane, underWay, input.at, timing)
        : { state: lane, effects: [] };
  }
}

function send<Turn>(lane: CommitLane<Turn>, at: Instant, timing: Timing): Step<CommitLane<Turn>, CommitEffect<Turn>> {
  if (lane.underWay !== undefined || lane.waiting.length === 0) return { state: lane, effects: [] };
  const turns = lane.waiting.slice(0, timing.batchTurns);
  return append({ ...lane, waiting: lane.waiting.slice(turns.length) }, turns, false, at, timing);
}

function append<Turn>(
  lane: CommitLane<Turn>,
  turns: readonly Turn[],
  again: boolean,
  at: Instant,
  timing: Timing,
): Step<CommitLane<Turn>, CommitEffect<Turn>> {
  const { shard, epoch, nextId: id } = lane;
  const untilMonoMs = at.monoMs + timing.appendTimeoutMs;
  const underWay: UnderWay<Turn> = { id, turns, step: 'appending', untilMonoMs, again, verdict: undefined };
  return {
    state: { ...lane, underWay, nextId: id + 1 },
    effects: [{ kind: 'append', shard, epoch, id, turns }],
  };
}

function read<Turn>(
  lane: CommitLane<Turn>,
  underWay: UnderWay<Turn>,
  at: Instant,
  timing: Timing,
): Step<CommitLane<Turn>, CommitEffect<Turn>> {
  const { shard, epoch } = lane;
  const { id, turns } = underWay;
  const untilMonoMs = at.monoMs + timing.databaseTimeoutMs;
  return {
    state: { ...lane, underWay: { ...underWay, step: 'reading', untilMonoMs } },
    effects: [{ kind: 'readBack', shard, epoch, id, turns }],
  };
}

function appended<Turn>(
  lane: CommitLane<Turn>,
  underWay: UnderWay<Turn>,
  { at, fates }: Extract<CommitInput<Turn>, { kind: 'appended' }>,
  timing: Timing,
): Step<CommitLane<Turn>, CommitEffect<Turn>> {
  if (underWay.again && fates.some((fate) => fate.kind !== 'committed'))
    return read(lane, { ...underWay, verdict: fates }, at, timing);
  return settle(lane, underWay.turns, fates, at, timing);
}

function found<Turn>(
  lane: CommitLane<Turn>,
  { turns, verdict }: UnderWay<Turn>,
  { at, found }: Extract<CommitInput<Turn>, { kind: 'readBack' }>,
  timing: Timing,
): Step<CommitLane<Turn>, CommitEffect<Turn>> {
  invariant(found.length === turns.length, 'reading back answers for every turn');
  if (verdict !== undefined) {
    const fates = verdict.map((fate, index): TurnFate => (found[index] === 'committed' ? { kind: 'committed' } : fate));
    return settle(lane, turns, fates, at, timing);
  }
  const effects: CommitEffect<Turn>[] = [];
  const absent: Turn[] = [];
  for (const [index, turn] of turns.entries()) {
    const fate = found[index];
    if (fate === 'absent' || fate === undefined) absent.push(turn);
    else effects.push({ kind: 'settled', turn, fate });
  }
  const free = { ...lane, underWay: undefined };
  const next = absent.length > 0 ? append(free, absent, true, at, timing) : send(free, at, timing);
  return { state: next.state, effects: [...effects, ...next.effects] };
}

function settle<Turn>(
  lane: CommitLane<Turn>,
  turns: readonly Turn[],
  fates: readonly TurnFate[],
  at: Instant,
  timing: Timing,
): Step<CommitLane<Turn>, CommitEffect<Turn>> {
  invariant(fates.length === turns.length, 'the journal answers for every turn');
  const effects: CommitEffect<Turn>[] = [];
  const refused: Turn[] = [];
  let reason: string | undefined;
  for (const [index, turn] of turns.entries()) {
    const fate = fates[index];
    invariant(fate !== undefined, 'the journal answers for every turn');
    if (fate.kind === 'fenced') {
      refused.push(turn);
      reason ??= fate.reason;
    } else {
      effects.push({ kind: 'settled', turn, fate: fate.kind });
    }
  }
  const free = { ...lane, underWay: undefined };
  if (reason === undefined) {
    const next = send(free, at, timing);
    return { state: next.state, effects: [...effects, ...next.effects] };
  }
  const { shard, epoch } = lane;
  const closed = close({ ...free, waiting: [...refused, ...lane.waiting] });
  return { state: closed.state, effects: [...effects, { kind: 'fenced', shard, epoch, reason }, ...closed.effects] };
}

function close<Turn>(lane: CommitLane<Turn>): Step<CommitLane<Turn>, CommitEffect<Turn>> {
  if (lane.closed) return { state: lane, effects: [] };
  const turns = [...(lane.underWay?.turns ?? []), ...lane.waiting];
  return {
    state: { ...lane, waiting: [], underWay: undefined, closed: true },
    effects: turns.map((turn) => ({ kind: 'dropped', turn })),
  };
}

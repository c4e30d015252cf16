import { z } from 'zod';
import { type ActorKind, accept, reject } from '../../runtime/actor-kind.ts';
import { type EntityId, entityId } from '../../runtime/ids.ts';
import type { Population } from '../../runtime/population.ts';

/**
 * A small actor kind that uses everything the engine offers: commands, readings, events from readings, timers, effects to
 * others, live parts changed in place. Without an industrial word, so that a failure of the engine is seen as one.
 */
const Command = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('Add'), amount: z.int() }),
  z.strictObject({ kind: z.literal('Told'), from: z.string(), level: z.int() }),
  z.strictObject({ kind: z.literal('Break') }),
]);
type Command = z.infer<typeof Command>;

export type TallyEvent =
  | { readonly kind: 'Added'; readonly amount: number; readonly remindAtMs: number }
  | { readonly kind: 'Reminded' }
  | { readonly kind: 'LevelReached'; readonly level: number }
  | { readonly kind: 'Heard'; readonly from: string; readonly level: number };

export interface TallyState {
  readonly total: number;
  readonly reminders: number;
  readonly remindAtMs: number | null;
  readonly level: number;
  readonly heard: readonly string[];
  /** Changed in place. */
  readonly live: { sum: number; readings: number; last: number };
}

export interface Reading {
  readonly gatewayTimeMs: number;
  readonly value: number;
}

/** Every so much of the sum is a level. */
export const LEVEL = 10;
const REMIND_AFTER_MS = 30;

export const tallyKind: ActorKind<TallyState, Command, TallyEvent, Reading, Reading, null> = {
  name: 'tally',
  command: Command,
  permission: (command) => (command.kind === 'Told' ? 'internal' : 'tally:add'),
  initial: () => ({
    total: 0,
    reminders: 0,
    remindAtMs: null,
    level: 0,
    heard: [],
    live: { sum: 0, readings: 0, last: 0 },
  }),
  decide(state, command, turn) {
    switch (command.kind) {
      case 'Add':
        if (state.total + command.amount < 0) return reject('BELOW_ZERO', 'the total cannot be below zero', 'amount');
        return accept([{ kind: 'Added', amount: command.amount, remindAtMs: turn.nowMs + REMIND_AFTER_MS }], {
          total: state.total + command.amount,
        });
      case 'Told':
        return accept([{ kind: 'Heard', from: command.from, level: command.level }]);
      case 'Break':
        throw new Error('broken on purpose');
    }
  },
  evolve(state, event) {
    switch (event.kind) {
      case 'Added':
        return { ...state, total: state.total + event.amount, remindAtMs: event.remindAtMs };
      case 'Reminded':
        return { ...state, reminders: state.reminders + 1, remindAtMs: null };
      case 'LevelReached':
        return { ...state, level: event.level };
      case 'Heard':
        return { ...state, heard: [...state.heard, `${event.from}:${event.level}`] };
    }
  },
  admit(_state, input) {
    if (Number.isFinite(input.value)) return { observation: input, rejected: [] };
    return {
      observation: null,
      rejected: [{ code: 'NOT_A_NUMBER', reason: 'not a number', body: String(input.value) }],
    };
  },
  observe(state, reading, turn) {
    if (turn.source !== turn.id) return [];
    state.live.sum += reading.value;
    state.live.readings++;
    state.live.last = reading.value;
    const level = Math.floor(state.live.sum / LEVEL);
    return level > state.level ? [{ kind: 'LevelReached', level }] : [];
  },
  nextDueMs: (state) => state.remindAtMs ?? undefined,
  due: (state, turn) => (state.remindAtMs !== null && state.remindAtMs <= turn.nowMs ? [{ kind: 'Reminded' }] : []),
  effects: (event, _state, self) =>
    event.kind === 'LevelReached'
      ? [{ kind: 'tell', to: NEIGHBOUR, command: { kind: 'Told', from: self.id, level: event.level } }]
      : [],
  describe: (state, event) => (event.kind === 'Added' ? { total: state.total } : null),
  view: (state) => ({
    props: { total: state.total, level: state.level, heard: state.heard.length },
    values: { last: state.live.last, sum: state.live.sum },
  }),
  supervision: { minBackoffMs: 5, maxBackoffMs: 20, maxRestarts: 50, withinMs: 60_000 },
};

/** Hears from all others. */
export const NEIGHBOUR = entityId('tally', 'neighbour');

export function tallies(entities: readonly EntityId[]): Population {
  const residents = [...entities, NEIGHBOUR];
  const known = new Set<EntityId>(residents);
  return {
    kinds: [tallyKind],
    residents,
    definitionOf: (id) => (known.has(id) ? null : undefined),
    followersOf: () => [],
    watchersOf: () => [],
  };
}

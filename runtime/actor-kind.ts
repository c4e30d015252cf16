import type { z } from 'zod';
import type { CommandId, EntityId } from './ids.ts';
import type { Json } from './json.ts';

/**
 * What an actor kind is: a value of pure functions. The same value serves live operation, recovery, replay of the past
 * and tests, so nothing in it reads a clock, draws a random number, logs or does I/O: time comes with the turn.
 *
 * State has two parts that a kind keeps apart by itself:
 * - what was decided: changed by `evolve` alone, from events that stand in the journal;
 * - what is live (last values, windows): changed in place by `observe`, from observations that stand in the log.
 * Snapshot + journal + log from the snapshot's position give the same state again.
 */
export interface ActorKind<State, Command, Event extends { readonly kind: string }, Input, Observation, Definition> {
  /** First part of the entity ids of this kind. */
  readonly name: string;
  /** Parses what comes from outside; built once. */
  readonly command: z.ZodType<Command>;
  /** The permission that the sender of a command needs, as `resource:verb`, or `internal` for other actors only. */
  permission(command: Command): string;

  initial(self: Self<Definition>): State;

  /** Pure. Says what happened because of a command, or why it may not happen. */
  decide(state: State, command: Command, turn: Turn<Definition>): Decision<Event>;
  /** Pure and total: the state after an event. Never reads the definition's thresholds: an old event stays true. */
  evolve(state: State, event: Event, turn: Turn<Definition>): State;

  /** Before the log: a raw input becomes an observation with its quality, or is rejected part by part. */
  admit?(state: State, input: Input, turn: Turn<Definition>): Admission<Observation>;
  /** After the log has it: takes an observation of itself or of an entity it follows. The hot path; may change live parts in place. */
  observe?(state: State, observation: Observation, turn: ObservationTurn<Definition>): readonly Event[];
  /**
   * Derived observations of its own for the log (computed metrics), asked for at most once a second after something was
   * observed and never during replay. They go to the historian and to followers, not back to this entity.
   */
  emit?(state: State, turn: Turn<Definition>): Observation | null;
  /** Newest views of the entities it follows, at most every 250 ms; for live roll-ups, which are never journaled. */
  watch?(state: State, changed: ReadonlyMap<EntityId, View>, turn: Turn<Definition>): void;
  /** A live fact that is not worth a journal row (latency of a connection, error counts). */
  note?(state: State, note: Json, turn: Turn<Definition>): void;

  /** The next instant at which `due` wants to be called; durable, since it follows from the state. */
  nextDueMs?(state: State, self: Self<Definition>): number | undefined;
  due?(state: State, turn: Turn<Definition>): readonly Event[];
  /** Called once after every recovery: what a changed definition does to the decided state. */
  reconcile?(state: State, turn: Turn<Definition>): readonly Event[];

  /** What is to be done elsewhere because of an event; carried out after the commit, at least once, each with its own id. */
  effects?(event: Event, after: State, self: Self<Definition>): readonly Effect[];
  /** The part of the state that an event touches, for the audit's before and after; small. */
  describe?(state: State, event: Event): Json;
  /**
   * What the outside sees. Called at most once per flush and only when something happened.
   *
   * @param recorded the last state that the journal has all of, while it has not all of `state`: so that the view can say what
   * is not on record. Parts that are changed in place are as new in it as in `state`.
   */
  view(state: State, self: Self<Definition>, recorded?: State): View;

  /** State to and from what msgpack can carry; the identity when left out. */
  readonly snapshot?: { encode(state: State): unknown; decode(stored: unknown, self: Self<Definition>): State };
  readonly supervision?: Partial<Supervision>;
  /** Stop an entity that had nothing to do for so long; never when left out. */
  readonly passivateAfterMs?: number;
  /**
   * From this instant on it is history: it leaves the live lists once it is passivated, and is not brought up at a start. Its
   * records stay, and a command or a question by its id still finds it. Never when left out or undefined.
   */
  retiresAtMs?(state: State, self: Self<Definition>): number | undefined;
  /** Commands waiting at one entity beyond this are refused with OVERLOADED. Default 256. */
  readonly mailboxCapacity?: number;
}

/** Any kind, where the types of its parts do not matter. */
// biome-ignore lint/suspicious/noExplicitAny: the parameters are both co- and contravariant, so only any can stand for all of them
export type AnyActorKind = ActorKind<any, any, any, any, any, any>;

export interface Self<Definition> {
  readonly id: EntityId;
  /** What the topology file says of the entity now. */
  readonly definition: Definition;
}

export interface Turn<Definition> extends Self<Definition> {
  readonly nowMs: number;
  readonly by: Who;
  /**
   * What the sender of a command may do, so that `decide` can ask for a permission that the definition names (see
   * `permits`). Empty wherever nobody sent a command, and always for `evolve`: the journal does not keep permissions, and
   * an event means the same whoever caused it.
   */
  readonly permissions: readonly string[];
  /** As the journal has it: unique for the entity, whoever sent the command. */
  readonly commandId?: CommandId;
  /** What the command does outside is not begun from then on; undefined: it sets its own time. */
  readonly deadlineMs?: number | undefined;
}

export interface ObservationTurn<Definition> extends Turn<Definition> {
  /** The entity that the observation is of: itself, or one it follows. */
  readonly source: EntityId;
  /** True while the log is applied again after a restart. Events are then compared with the journal, not decided anew. */
  readonly replay: boolean;
}

/** Who caused something: a person or program by token, the system itself, or another entity. */
export interface Who {
  readonly user: string;
  readonly via: 'http' | 'websocket' | 'entity' | 'timer' | 'log' | 'driver' | 'cli';
}

export type Decision<Event> = Accepted<Event> | Rejection;

export interface Accepted<Event> {
  readonly ok: true;
  readonly events: readonly Event[];
  /** Answer to the sender beside the fact of the commit. */
  readonly result?: Json;
}

/** An expected failure, as a value. `code` is stable and listed in the reference. */
export interface Rejection {
  readonly ok: false;
  readonly code: string;
  readonly message: string;
  readonly field?: string;
}

export interface Admission<Observation> {
  /** What goes to the log; null when nothing was worth it. */
  readonly observation: Observation | null;
  /** What was refused, for the dead-letter log. */
  readonly rejected: readonly { readonly reason: string; readonly code: string; readonly body: Json }[];
}

export type Effect =
  /** A command to another entity. Its command id follows from the event, so a repeat changes nothing. */
  | { readonly kind: 'tell'; readonly to: EntityId; readonly command: Json }
  /** Work for a gateway, by the port's name (`device-write`, `webhook`). */
  | { readonly kind: 'out'; readonly port: string; readonly body: Json };

/** Groups of keyed fields; a field is replaced, never changed in place, so that a difference is found by identity. */
export type View = { readonly [group: string]: { readonly [key: string]: Json } };

export interface Supervision {
  /** First and longest pause before a restart. */
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
  /** So many crashes within the window and the entity stays stopped until somebody restarts it. */
  readonly maxRestarts: number;
  readonly withinMs: number;
}

export const SUPERVISION: Supervision = {
  minBackoffMs: 1000,
  maxBackoffMs: 120_000,
  maxRestarts: 10,
  withinMs: 600_000,
};

export function accept<Event>(events: readonly Event[], result?: Json): Accepted<Event> {
  return result === undefined ? { ok: true, events } : { ok: true, events, result };
}

export function reject(code: string, message: string, field?: string): Rejection {
  return field === undefined ? { ok: false, code, message } : { ok: false, code, message, field };
}

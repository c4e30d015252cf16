import { pack, unpack } from 'msgpackr';
import type { AnyActorKind, ObservationTurn, Self, Turn, View, Who } from '../actor-kind.ts';
import type { EntityId } from '../ids.ts';
import type { PastEvent, Snapshot } from '../journal.ts';
import { NOT_RECORDED } from '../live-bus.ts';
import type { PositionedRecord } from '../log.ts';
import type { Epoch } from '../ownership.ts';
import type { Unrecorded } from './unrecorded.ts';

/** Nobody sent a command: the log moved it, or its own clock. */
export const BY_LOG: Who = { user: 'system', via: 'log' };
export const BY_TIMER: Who = { user: 'system', via: 'timer' };
const NO_PERMISSIONS: readonly string[] = [];

/**
 * What an entity holds in memory: its state, how far into its history and into the log that state reaches, and how far the
 * newest snapshot does that the journal has of it.
 */
export class Memory {
  readonly kind: AnyActorKind;
  readonly self: Self<unknown>;
  /** Under which alone it may be committed; none for a memory that nothing comes of. */
  readonly epoch: Epoch | undefined;
  /** Nothing before the first `restore`: thousands come at once, and what they begin with is seldom what they go on with. */
  state: unknown;
  /** Sequence number of the newest event in the state, of those that the journal has. */
  seq = 0;
  /** What of the state the journal has not; undefined while it has all. */
  unrecorded: Unrecorded | undefined;
  /** Whatever the log has for the entity up to here is in the state. */
  logPosition = 0;
  /** Position of a record that the kind's own code cannot take: it is left out of every recovery. */
  poison: number | undefined;
  readonly #now: () => number;
  #savedSeq = 0;
  #savedLogPosition = 0;

  constructor(kind: AnyActorKind, self: Self<unknown>, now: () => number, epoch?: Epoch) {
    this.kind = kind;
    this.self = self;
    this.epoch = epoch;
    this.#now = now;
  }

  get id(): EntityId {
    return this.self.id;
  }

  get savedLogPosition(): number {
    return this.#savedLogPosition;
  }

  /** Has changed since the last snapshot of it that the journal has. */
  get unsaved(): boolean {
    return this.seq !== this.#savedSeq || this.logPosition !== this.#savedLogPosition;
  }

  /** Forgets everything but the snapshot. Throws when that cannot be read: only `undefined` helps then. */
  restore(snapshot: Snapshot | undefined): void {
    this.unrecorded = undefined;
    this.seq = this.#savedSeq = 0;
    this.logPosition = this.#savedLogPosition = 0;
    if (snapshot === undefined) {
      this.state = this.kind.initial(this.self);
      return;
    }
    const stored: unknown = unpack(snapshot.state);
    this.state = this.kind.snapshot ? this.kind.snapshot.decode(stored, this.self) : stored;
    this.seq = this.#savedSeq = snapshot.seq;
    this.logPosition = this.#savedLogPosition = snapshot.logPosition;
  }

  snapshot(): Snapshot {
    const stored = this.kind.snapshot ? this.kind.snapshot.encode(this.state) : this.state;
    const { id, seq, logPosition } = this;
    return { entity: id, seq, logPosition, timeMs: this.#now(), state: pack(stored) };
  }

  /** The journal has this snapshot. */
  saved({ seq, logPosition }: Snapshot): void {
    this.#savedSeq = Math.max(this.#savedSeq, seq);
    this.#savedLogPosition = Math.max(this.#savedLogPosition, logPosition);
  }

  view(): View {
    if (this.unrecorded === undefined) return this.kind.view(this.state, this.self);
    const { recorded, sinceMs } = this.unrecorded;
    return { ...this.kind.view(this.state, this.self, recorded), [NOT_RECORDED]: { sinceMs } };
  }

  turn(by: Who): Turn<unknown> {
    return {
      id: this.self.id,
      definition: this.self.definition,
      nowMs: this.#now(),
      by,
      permissions: NO_PERMISSIONS,
    };
  }

  /** As `evolve` saw it when the event was new, as far as the journal keeps that. */
  pastTurn({ timeMs, by }: PastEvent): Turn<unknown> {
    return { id: this.self.id, definition: this.self.definition, nowMs: timeMs, by, permissions: NO_PERMISSIONS };
  }

  /** Time is that of the record, so that a replay sees what the first run saw. */
  observationTurn({ source, observation }: PositionedRecord, replay: boolean): ObservationTurn<unknown> {
    return {
      id: this.self.id,
      definition: this.self.definition,
      nowMs: gatewayTimeOf(observation) ?? this.#now(),
      by: BY_LOG,
      permissions: NO_PERMISSIONS,
      source,
      replay,
    };
  }
}

function gatewayTimeOf(observation: unknown): number | undefined {
  if (typeof observation !== 'object' || observation === null || !('gatewayTimeMs' in observation)) return undefined;
  return typeof observation.gatewayTimeMs === 'number' ? observation.gatewayTimeMs : undefined;
}

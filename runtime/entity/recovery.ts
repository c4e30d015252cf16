import type { PastEvent } from '../journal.ts';
import type { PositionedRecord } from '../log.ts';
import { answerOf } from '../store-failure.ts';
import type { DecidedEvent } from './commit.ts';
import type { EntityHost } from './host.ts';
import { BY_TIMER, type Memory } from './memory.ts';

const NOTHING: readonly DecidedEvent[] = [];

/**
 * One recovery of one entity: from its newest snapshot, the events that the journal has after it and the records that the
 * log has after it, in the order in which they came about. `decide` is not asked again, nor is `observe` believed where the
 * journal says already what was decided.
 */
export class Recovery {
  readonly #memory: Memory;
  readonly #events: readonly PastEvent[];
  /** The newest log position that some journaled event refers to: up to here everything was decided before. */
  readonly #journaledTo: number;
  #next = 0;

  private constructor(memory: Memory, events: readonly PastEvent[]) {
    this.#memory = memory;
    this.#events = events;
    this.#journaledTo = events.reduce((top, entry) => Math.max(top, entry.logPosition), memory.logPosition);
  }

  static async begin(
    memory: Memory,
    host: EntityHost,
    entity: Parameters<EntityHost['restore']>[0],
  ): Promise<Recovery> {
    // All of it before memory is touched: where the journal does not answer, it goes on as it is.
    const { snapshot, events } = await answerOf('journal', host.restore(entity));
    try {
      memory.restore(snapshot);
    } catch (error) {
      // A snapshot is a shortcut. The journal has every decision, so one that cannot be read costs time and live values, not truth.
      host.unreadable(memory.id, error);
      memory.restore(undefined);
      return new Recovery(memory, await answerOf('journal', host.journal.events(memory.id, 0)));
    }
    return new Recovery(memory, events);
  }

  /** Applies a record that the log has. Returns what it leads to where the journal does not know that yet. */
  replay(record: PositionedRecord): readonly DecidedEvent[] {
    const memory = this.#memory;
    const { kind } = memory;
    if (record.position <= memory.logPosition) return NOTHING;
    this.#applyBefore(record.position);
    memory.logPosition = record.position;
    if (record.position === memory.poison || !kind.observe) return NOTHING;
    const replay = record.position <= this.#journaledTo;
    const events = kind.observe(memory.state, record.observation, memory.observationTurn(record, replay));
    return replay ? NOTHING : events;
  }

  /** The log has no more for it: what else the journal has is applied, and what a changed definition leads to is returned. */
  end(): readonly DecidedEvent[] {
    this.#applyBefore(Number.POSITIVE_INFINITY);
    const { kind, state } = this.#memory;
    return kind.reconcile?.(state, this.#memory.turn(BY_TIMER)) ?? NOTHING;
  }

  #applyBefore(logPosition: number): void {
    const memory = this.#memory;
    for (
      let entry = this.#events[this.#next];
      entry && entry.logPosition < logPosition;
      entry = this.#events[++this.#next]
    ) {
      memory.state = memory.kind.evolve(memory.state, entry.event, memory.pastTurn(entry));
      memory.seq = entry.seq;
    }
  }
}

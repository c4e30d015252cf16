import type { EntityId } from './ids.ts';

/** Turns that wait for the ones before them. Beyond it whoever hands them out waits. */
const MAX_WAITING = 4096;

/**
 * Turns of many entities: in order for each, and none waits for those of another. A turn that decides something takes as long
 * as the journal does, and where thousands are built together their decisions are to be committed together.
 */
export class InOrder {
  readonly #last = new Map<EntityId, Promise<void>>();
  #waiting = 0;

  /**
   * @param turn must not throw
   * @returns what to wait for before the next one is handed over; undefined where there is no need
   */
  take(id: EntityId, turn: () => void | Promise<void>): Promise<void> | undefined {
    const before = this.#last.get(id);
    const done = before === undefined ? turn() : before.then(turn);
    if (done === undefined) return undefined;
    this.#waiting++;
    const last = done.then(() => {
      this.#waiting--;
      if (this.#last.get(id) === last) this.#last.delete(id);
    });
    this.#last.set(id, last);
    return this.#waiting < MAX_WAITING ? undefined : this.settled();
  }

  /** Resolves when all of them have had their turns. */
  async settled(): Promise<void> {
    while (this.#last.size > 0) await Promise.all(this.#last.values());
  }
}

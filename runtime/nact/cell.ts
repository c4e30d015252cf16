import { dispatch, type Ref, spawn, start, stop } from 'nact';

/** Runs one turn; a returned promise keeps the next one waiting. Must not throw: nact would stop the actor in silence. */
export type RunTurn = () => void | Promise<void>;

export interface LocalActor {
  /** Asks for one more turn. */
  wake(): void;
  /** No turn begins any more. The caller has seen to it that none is under way. */
  stop(): void;
}

/**
 * The actors of one process, on nact. nact gives what it is good at, one turn at a time and fairness between actors; the
 * queue, its bound, restart, drain and dead letters are ours, since nact has no bound, no back-off and no death watch.
 */
export class LocalCell {
  readonly #system = start();
  #incarnation = 0;

  spawn(runTurn: RunTurn): LocalActor {
    // A name is never used twice: a successor of the same name could run beside a handler that has not ended.
    const name = `a${++this.#incarnation}`;
    const actor: Ref<'turn'> = spawn(this.#system, (_state: unknown, _message: 'turn') => runTurn(), name);
    return { wake: () => dispatch(actor, 'turn'), stop: () => stop(actor) };
  }

  stop(): void {
    stop(this.#system);
  }
}

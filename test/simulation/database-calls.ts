import type { Life } from './life.ts';
import type { Network } from './network.ts';
import type { World } from './world.ts';

export interface Call<Result> {
  readonly transaction: () => Result;
  readonly answered: (result: Result) => void;
  readonly failed?: () => void;
  readonly timeoutMs?: number;
  /** The answer arrives. */
  readonly heard?: () => boolean;
  /** It waits so long in the process before it leaves. */
  readonly leavesInMs?: number;
}

const HEARD = () => true;

/** What one process asks of the database over its line, until its life ends: a new one hears no answers of an old one. */
export class DatabaseCalls {
  readonly #node: string;
  readonly #world: World;
  readonly #network: Network;
  readonly #life: Life;

  constructor(node: string, around: { readonly world: World; readonly network: Network }, life: Life) {
    this.#node = node;
    this.#world = around.world;
    this.#network = around.network;
    this.#life = life;
  }

  ask<Result>(transaction: () => Result, answered: (result: Result) => void): void {
    this.call({ transaction, answered });
  }

  /** `failed` after a time-out, when the call may have been carried out or may yet be. */
  call<Result>({ transaction, answered, failed, timeoutMs = 0, heard = HEARD, leavesInMs = 0 }: Call<Result>): void {
    const life = this.#life.number;
    let open = true;
    const once = (run: () => void) => {
      if (life !== this.#life.number) return;
      this.#life.event(() => {
        if (!open) return;
        open = false;
        run();
      });
    };
    const leave = () =>
      this.#network.line(this.#node, 'db', () => {
        const result = transaction();
        this.#network.line('db', this.#node, () => heard() && once(() => answered(result)));
      });
    if (leavesInMs > 0) this.#life.in(leavesInMs, leave);
    else leave();
    if (failed) this.#world.in(timeoutMs, () => once(failed));
  }
}

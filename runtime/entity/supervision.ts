import type { Supervision as Limits } from '../actor-kind.ts';
import { messageOf } from '../errors.ts';
import { StoreFailure } from '../store-failure.ts';
import { CrashBudget, OutageBackoff } from '../supervisor.ts';
import { isNotVerified } from './commit.ts';
import type { EntityHost } from './host.ts';

const VERIFIED_LOOK_MS = 1000;

/** Why an entity does not run. */
export interface Down {
  /** `crashed`: is built again by itself; `store`: once a store answers; `stopped`: when somebody restarts it; `fenced`: never here. */
  readonly cause: 'crashed' | 'store' | 'stopped' | 'fenced';
  readonly reason: string;
  readonly restartInMs: number | undefined;
}

/**
 * When an entity that failed is built again. Its own crashes have a budget, and with it spent it waits for a person. A store
 * that does not answer costs nothing of it: it comes back by itself, as soon as the store does.
 */
export class Supervision {
  readonly #budget: CrashBudget;
  readonly #outage: OutageBackoff;
  readonly #host: Pick<EntityHost, 'now' | 'awaitStore'>;
  readonly #restart: () => void;
  #timer: NodeJS.Timeout | undefined;
  #waitNoLonger: (() => void) | undefined;
  #down: Down | undefined;

  constructor(limits: Limits, host: Pick<EntityHost, 'now' | 'awaitStore'>, restart: () => void) {
    this.#budget = new CrashBudget(limits);
    this.#outage = new OutageBackoff(limits);
    this.#host = host;
    this.#restart = restart;
  }

  /** Of the last failure, until it is up again. */
  get down(): Down | undefined {
    return this.#down;
  }

  failed(error: unknown): Down {
    this.#cancel();
    this.#down = error instanceof StoreFailure && error.retryable ? this.#awaitStore(error) : this.#crashed(error);
    return this.#down;
  }

  /** The journal is away and it goes on without: `restart` is called when it is worth a try to record what it decided. */
  unrecorded(failure: StoreFailure): void {
    this.#cancel();
    const restart = (inMs: number) => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(this.#restart, inMs);
    };
    // Nobody calls when the lease is verified, which usually is soon. Asking costs nothing.
    if (isNotVerified(failure)) restart(VERIFIED_LOOK_MS * (0.5 + Math.random() / 2));
    else this.#waitNoLonger = this.#host.awaitStore(failure, () => restart(this.#outage.calledMs(Math.random())));
  }

  fenced(reason: string): void {
    this.#cancel();
    this.#down = { cause: 'fenced', reason, restartInMs: undefined };
  }

  /** It is being built; nothing needs to call for that any more. */
  begun(): void {
    this.#cancel();
  }

  up(): void {
    this.#down = undefined;
    this.#outage.up(this.#host.now());
  }

  /** The journal took something from it. */
  answered(): void {
    this.#outage.over();
  }

  /** Somebody restarts it. */
  renew(): void {
    this.#cancel();
    this.#budget.renew();
    this.#outage.over();
  }

  close(): void {
    this.#cancel();
  }

  #crashed(error: unknown): Down {
    const verdict = this.#budget.crashed(this.#host.now(), Math.random());
    if (verdict.kind === 'stop') return { cause: 'stopped', reason: messageOf(error), restartInMs: undefined };
    this.#timer = setTimeout(this.#restart, verdict.afterMs);
    return { cause: 'crashed', reason: messageOf(error), restartInMs: verdict.afterMs };
  }

  #awaitStore(failure: StoreFailure): Down {
    const restartInMs = this.#outage.failedMs(this.#host.now(), Math.random());
    this.#timer = setTimeout(this.#restart, restartInMs);
    this.#waitNoLonger = this.#host.awaitStore(failure, () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(this.#restart, this.#outage.calledMs(Math.random()));
    });
    return { cause: 'store', reason: failure.message, restartInMs };
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#waitNoLonger?.();
    this.#waitNoLonger = undefined;
  }
}

import type { Health } from '../runtime.ts';
import type { AskOptions, ClockAnswer, TimeServer } from './client.ts';

/** TIM-04: beyond it times that this node gives are in doubt. */
export const CLOCK_LIMIT_MS = 1000;

/** While something is wrong the next look comes sooner, so that the alarm goes soon after the cause. */
const INTERVAL_MS = 3_600_000;
const SOON_MS = 300_000;
const ASKING: Omit<AskOptions, 'signal'> = { samples: 3, pauseMs: 2000, timeoutMs: 2000 };

/** What is known of the clock of this machine. */
export type ClockState =
  | { readonly kind: 'not_checked' }
  | { readonly kind: 'checking' }
  | ({ readonly kind: 'measured' } & Measured)
  /** `last`: what was measured before the server ceased to answer. */
  | {
      readonly kind: 'unanswered';
      readonly code: string;
      readonly message: string;
      readonly atMs: number;
      readonly last: Measured | null;
    };

export interface Measured {
  /** Of the clock of the server from ours: positive when ours is behind. */
  readonly offsetMs: number;
  readonly roundTripMs: number;
  readonly atMs: number;
}

export interface ClockWatchOptions {
  /** Undefined: the clock is not checked. */
  readonly server: TimeServer | undefined;
  readonly ask: (server: TimeServer, options: AskOptions) => Promise<ClockAnswer>;
  /** After every check, and once at the start where there is nothing to check. */
  readonly onState: (state: ClockState) => void;
  /** Other than that of the product, for tests. */
  readonly timing?: { readonly intervalMs: number; readonly soonMs: number; readonly asking: typeof ASKING };
}

/** Compares the clock of this machine with a time server, at the start and then every hour. It never sets the clock. */
export class ClockWatch {
  readonly #options: ClockWatchOptions;
  readonly #stopping = new AbortController();
  #state: ClockState = { kind: 'not_checked' };
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<void> | undefined;

  constructor(options: ClockWatchOptions) {
    this.#options = options;
  }

  get state(): ClockState {
    return this.#state;
  }

  /**
   * By how much the clock of the server is ahead, where ours is known to be off; else null. Unknown is not off: a server that does
   * not answer says nothing of the clock.
   */
  get offByMs(): number | null {
    const measured = measuredIn(this.#state);
    return measured !== null && Math.abs(measured.offsetMs) > CLOCK_LIMIT_MS ? measured.offsetMs : null;
  }

  start(): void {
    const { server } = this.#options;
    if (server === undefined) this.#options.onState(this.#state);
    else this.#check(server);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopping.abort();
    await this.#checking;
  }

  #check(server: TimeServer): void {
    if (this.#state.kind === 'not_checked') this.#state = { kind: 'checking' };
    const { ask, onState, timing } = this.#options;
    const { signal } = this.#stopping;
    const asked = ask(server, { ...(timing?.asking ?? ASKING), signal });
    this.#checking = asked.then((answer) => {
      if (signal.aborted) return;
      this.#state = stateAfter(this.#state, answer, Date.now());
      onState(this.#state);
      // Who is sent away by the server (RFC 4330, 8) does not come back soon.
      const isSlow = answer.ok ? this.offByMs === null : answer.code === 'refused';
      const nextInMs = isSlow ? (timing?.intervalMs ?? INTERVAL_MS) : (timing?.soonMs ?? SOON_MS);
      this.#timer = setTimeout(() => this.#check(server), nextInMs).unref();
    });
  }
}

/** The clock on the health page. What nobody has looked at is not healthy. */
export function clockPart(state: ClockState, server: string | undefined): Health['parts'][number] {
  const name = 'clock';
  switch (state.kind) {
    case 'not_checked':
      return { name, status: 'not_checked', detail: 'not checked: no NTP_SERVER is set' };
    case 'checking':
      return { name, status: 'not_checked', detail: `not checked yet: ${server ?? 'the time server'} is being asked` };
    case 'measured': {
      const status = Math.abs(state.offsetMs) > CLOCK_LIMIT_MS ? 'degraded' : 'healthy';
      return { name, status, detail: measuredText(state, server) };
    }
    case 'unanswered': {
      const before =
        state.last === null ? 'the clock has not been compared' : `before: ${measuredText(state.last, server)}`;
      return { name, status: 'degraded', detail: `${server ?? 'the time server'}: ${state.message}; ${before}` };
    }
    default:
      return unreachable(state);
  }
}

export function measuredIn(state: ClockState): Measured | null {
  if (state.kind === 'measured') return state;
  return state.kind === 'unanswered' ? state.last : null;
}

function stateAfter(before: ClockState, answer: ClockAnswer, atMs: number): ClockState {
  if (answer.ok) {
    const { offsetMs, roundTripMs } = answer;
    return { kind: 'measured', offsetMs, roundTripMs, atMs };
  }
  const { code, message } = answer;
  return { kind: 'unanswered', code, message, atMs, last: measuredIn(before) };
}

function measuredText({ offsetMs, roundTripMs, atMs }: Measured, server: string | undefined): string {
  const size = Math.round(Math.abs(offsetMs));
  const side = offsetMs > 0 ? 'behind' : 'ahead of';
  const at = new Date(atMs).toISOString();
  return `${size} ms ${side} ${server ?? 'the time server'} at ${at}, round trip ${Math.round(roundTripMs)} ms`;
}

function unreachable(state: never): never {
  throw new Error(`not a state of the clock: ${JSON.stringify(state)}`);
}

import { ClockOffset, type Offset } from './clock-offset.ts';

/** A reading of both clocks of this machine, in ms. */
export interface Instant {
  /** Epoch milliseconds; may be set at any time. */
  readonly wallMs: number;
  /** Since some start; is not set, but may stand still while the machine is suspended. */
  readonly monoMs: number;
}

/** One question for the time of the centre, and its answer by the clock over there. */
export interface TimeAsked {
  readonly asked: Instant;
  readonly receivedMs: number;
  readonly answeredMs: number;
  readonly heard: Instant;
}

export function instant(): Instant {
  return { wallMs: Date.now(), monoMs: performance.now() };
}

/**
 * What time it is at the centre. Followed by both clocks of this machine, since either can be wrong behind our back: the wall
 * clock is set, the other one stands still while the machine is suspended. Where they differ the later one counts, for what is
 * asked is whether something is past its time.
 */
export class CentreClock {
  readonly #wall = new ClockOffset();
  readonly #mono = new ClockOffset();

  add({ asked, receivedMs, answeredMs, heard }: TimeAsked): void {
    this.#wall.add({ askedMs: asked.wallMs, receivedMs, answeredMs, heardMs: heard.wallMs });
    this.#mono.add({ askedMs: asked.monoMs, receivedMs, answeredMs, heardMs: heard.monoMs });
  }

  /** Of the clock of the centre from our wall clock; undefined while nobody has answered. */
  get offset(): Offset | undefined {
    return this.#wall.best;
  }

  /** The latest that it can be there now, epoch ms; undefined while nobody has answered. */
  latestMs({ wallMs, monoMs }: Instant): number | undefined {
    const [wall, mono] = [this.#wall.best, this.#mono.best];
    if (wall === undefined && mono === undefined) return undefined;
    return Math.max(latest(wallMs, wall), latest(monoMs, mono));
  }

  /** After a cut the clock of the centre may have been set. */
  forget(): void {
    this.#wall.forget();
    this.#mono.forget();
  }
}

/** The truth is within half of the round trip. */
function latest(nowMs: number, offset: Offset | undefined): number {
  return offset === undefined ? Number.NEGATIVE_INFINITY : nowMs + offset.offsetMs + offset.roundTripMs / 2;
}

/** One question and its answer: asked and heard by our clock, received and answered by that of the other side, in ms. */
export interface Exchange {
  readonly askedMs: number;
  readonly receivedMs: number;
  readonly answeredMs: number;
  readonly heardMs: number;
}

export interface Offset {
  /** What has to be added to our clock to have that of the other side. */
  readonly offsetMs: number;
  /** The truth is within half of it, whichever way the delay fell. */
  readonly roundTripMs: number;
}

const KEPT = 8;

/**
 * How far our clock is from another one, over a link whose delay varies: of the last few exchanges the quickest is believed,
 * since delay is what makes an exchange wrong (RFC 5905, clock filter).
 */
export class ClockOffset {
  #samples: Offset[] = [];

  /** An answer that came before its question, since a clock was set meanwhile, says nothing. */
  add({ askedMs, receivedMs, answeredMs, heardMs }: Exchange): void {
    const roundTripMs = heardMs - askedMs - (answeredMs - receivedMs);
    if (!(roundTripMs >= 0 && answeredMs >= receivedMs)) return;
    const offsetMs = (receivedMs - askedMs + (answeredMs - heardMs)) / 2;
    this.#samples = [...this.#samples.slice(1 - KEPT), { offsetMs, roundTripMs }];
  }

  get best(): Offset | undefined {
    let best: Offset | undefined;
    for (const sample of this.#samples) if (best === undefined || sample.roundTripMs <= best.roundTripMs) best = sample;
    return best;
  }

  /** After a cut either clock may have been set. */
  forget(): void {
    this.#samples = [];
  }
}

import type { Outlet } from './outlet.ts';

/** A frame is closed once it has so many bytes of items. */
export const FRAME_BYTES = 64 * 1024;
/** What one client may get in one go before others have their turn. */
const STEP_BYTES = 512 * 1024;

/** Cuts items into bodies of bounded size, as `[item,item]` each. */
export function bodiesOf(items: readonly string[]): Buffer[] {
  const bodies: Buffer[] = [];
  let part: string[] = [];
  let size = 0;
  for (const item of items) {
    part.push(item);
    size += item.length;
    if (size < FRAME_BYTES) continue;
    bodies.push(Buffer.from(`[${part.join(',')}]`));
    part = [];
    size = 0;
  }
  if (part.length > 0) bodies.push(Buffer.from(`[${part.join(',')}]`));
  return bodies;
}

/**
 * Brings a client through a list of things at its own pace: it stops where the client is congested, keeps nothing but the
 * place, and reads what it sends at the moment of sending, so that a slow client gets the newest and costs no memory.
 */
export class Walk<Thing> {
  readonly #things: readonly Thing[];
  readonly #items: (thing: Thing) => readonly string[];
  readonly #head: (more: boolean) => string;
  /** A walk that found nothing still sends one empty frame: the answer to a subscription. */
  #owesFrame: boolean;
  #next = 0;

  constructor(options: {
    things: readonly Thing[];
    items: (thing: Thing) => readonly string[];
    head: (more: boolean) => string;
    evenIfEmpty: boolean;
  }) {
    this.#things = options.things;
    this.#items = options.items;
    this.#head = options.head;
    this.#owesFrame = options.evenIfEmpty;
  }

  get done(): boolean {
    return this.#next >= this.#things.length && !this.#owesFrame;
  }

  /** `done`: at the end. `congested`: go on when the client has drained. `more`: go on as soon as others had their turn. */
  step(outlet: Outlet): 'done' | 'congested' | 'more' {
    let sent = 0;
    while (!this.done) {
      if (outlet.congested) return 'congested';
      if (sent >= STEP_BYTES) return 'more';
      const part: string[] = [];
      let size = 0;
      while (this.#next < this.#things.length && size < FRAME_BYTES) {
        const thing = this.#things[this.#next++];
        if (thing === undefined) continue;
        for (const item of this.#items(thing)) {
          part.push(item);
          size += item.length;
        }
      }
      const more = this.#next < this.#things.length;
      if (part.length > 0 || (this.#owesFrame && !more))
        outlet.frame(this.#head(more), Buffer.from(`[${part.join(',')}]`));
      if (!more) this.#owesFrame = false;
      sent += size;
    }
    return 'done';
  }
}

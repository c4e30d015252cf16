/**
 * Messages of one session that are taken and not yet acknowledged. Many are in flight at once; acknowledgements leave in the
 * order of receipt, as [MQTT-4.6.0-2] demands, and in batches, one write for all that became due in a turn of the event loop.
 *
 * Once a message could not be stored, nothing is acknowledged any more, that message and those behind it least of all: the
 * session has to be taken up again, and the broker sends them anew.
 */
export class AckWindow {
  readonly #limit: number;
  readonly #send: (messageIds: readonly number[]) => void;
  readonly #failed: (error: unknown) => void;
  /** In the order of receipt, from `#head` on. */
  #entries: Entry[] = [];
  #head = 0;
  #scheduled = false;
  #closed = false;
  #waiting: (() => void) | null = null;

  constructor(limit: number, send: (messageIds: readonly number[]) => void, failed: (error: unknown) => void) {
    this.#limit = limit;
    this.#send = send;
    this.#failed = failed;
  }

  get size(): number {
    return this.#entries.length - this.#head;
  }

  /** @param messageId null for a message that wants no acknowledgement (QoS 0) but counts as one in flight */
  add(messageId: number | null, stored: Promise<void> | null): void {
    const entry: Entry = { messageId, done: stored === null };
    this.#entries.push(entry);
    if (stored === null) {
      this.#schedule();
      return;
    }
    stored.then(
      () => {
        entry.done = true;
        this.#schedule();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** Calls back at once while there is room, else as soon as there is: the sender has to wait. One caller at a time. */
  whenRoom(proceed: () => void): void {
    if (this.size < this.#limit) proceed();
    else this.#waiting = proceed;
  }

  close(): void {
    this.#closed = true;
    this.#waiting = null;
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#closed) this.#flush();
    });
  }

  #flush(): void {
    const due: number[] = [];
    let entry = this.#entries[this.#head];
    while (entry?.done) {
      if (entry.messageId !== null) due.push(entry.messageId);
      entry = this.#entries[++this.#head];
    }
    if (this.#head > 1024 || this.#head === this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    if (due.length > 0) this.#send(due);
    if (this.#waiting !== null && this.size < this.#limit) {
      const proceed = this.#waiting;
      this.#waiting = null;
      proceed();
    }
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    // What was stored before it may still be told.
    this.#flush();
    this.close();
    this.#failed(error);
  }
}

interface Entry {
  readonly messageId: number | null;
  done: boolean;
}

/** PUBACK packets of MQTT 3.1.1 (3.4) and 5.0 (3.4.2.1: without a reason code it means success): four bytes each. */
export function encodePubacks(messageIds: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(messageIds.length * 4);
  let at = 0;
  for (const messageId of messageIds) {
    bytes[at] = 0x40;
    bytes[at + 1] = 2;
    bytes[at + 2] = messageId >> 8;
    bytes[at + 3] = messageId & 0xff;
    at += 4;
  }
  return bytes;
}

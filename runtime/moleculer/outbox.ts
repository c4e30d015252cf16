/**
 * What waits for one node. All that is sent in one turn of the event loop leaves as one batch, and several batches may be on
 * their way: a request costs a part of a call, not a call.
 */
export class Outbox<Message> {
  readonly #send: (batch: readonly Message[]) => Promise<void>;
  readonly #failed: (batch: readonly Message[], error: unknown) => void;
  readonly #limits: { readonly waiting: number; readonly batch: number; readonly underWay: number };
  #waiting: Message[] = [];
  #underWay = 0;
  #scheduled = false;

  /**
   * @param send resolves when the other node has the batch
   * @param failed nobody knows what became of it
   */
  constructor(
    send: (batch: readonly Message[]) => Promise<void>,
    failed: (batch: readonly Message[], error: unknown) => void,
    limits = { waiting: 10_000, batch: 256, underWay: 4 },
  ) {
    this.#send = send;
    this.#failed = failed;
    this.#limits = limits;
  }

  /** False when too much waits already: it is not sent. */
  post(message: Message): boolean {
    if (this.#waiting.length >= this.#limits.waiting) return false;
    this.#waiting.push(message);
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#flush();
      });
    }
    return true;
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#underWay < this.#limits.underWay) {
      const batch = this.#waiting.splice(0, this.#limits.batch);
      this.#underWay++;
      this.#send(batch)
        .catch((error: unknown) => this.#failed(batch, error))
        .finally(() => {
          this.#underWay--;
          this.#flush();
        });
    }
  }
}

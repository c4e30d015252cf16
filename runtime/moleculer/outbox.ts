export interface OutboxLimits {
  /** Messages that wait. */
  readonly waiting: number;
  /** Messages of a batch. */
  readonly batch: number;
  /** Of a batch, in characters of JSON; a message that is larger goes alone. */
  readonly batchLength: number;
  /** Batches on their way. */
  readonly underWay: number;
}

/** A character is three bytes at the most, and a server of NATS takes a megabyte at once unless it is told otherwise. */
const LIMITS: OutboxLimits = { waiting: 10_000, batch: 256, batchLength: 256 * 1024, underWay: 4 };

/**
 * What waits for one node. All that is sent in one turn of the event loop leaves as one batch, and several batches may be on
 * their way: a request costs a part of a call, not a call.
 */
export class Outbox<Message> {
  readonly #send: (batch: readonly Message[]) => Promise<void>;
  readonly #failed: (batch: readonly Message[], error: unknown) => void;
  readonly #limits: OutboxLimits;
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
    limits = LIMITS,
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
      const batch = this.#waiting.splice(0, this.#countOfBatch());
      this.#underWay++;
      this.#send(batch)
        .catch((error: unknown) => this.#failed(batch, error))
        .finally(() => {
          this.#underWay--;
          this.#flush();
        });
    }
  }

  /** Measured before it is sent and not after it was refused: what comes behind would be there first. */
  #countOfBatch(): number {
    const { batch, batchLength } = this.#limits;
    let length = 0;
    for (let count = 0; count < batch; count++) {
      const message = this.#waiting[count];
      if (message === undefined) return count;
      length += JSON.stringify(message).length;
      if (length > batchLength) return Math.max(1, count);
    }
    return batch;
  }
}

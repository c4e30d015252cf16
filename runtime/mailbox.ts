import type { LocalCell } from './nact/cell.ts';

/** Messages handled in one turn of the underlying actor, so that a busy entity neither starves others nor pays per message. */
const MESSAGES_PER_TURN = 64;

/**
 * The queue before an entity: messages are handled one at a time and in order, and only one handler runs, also across
 * awaits. The bound is kept by the sender asking `size` first, because what happens at it depends on the kind of message.
 */
export class Mailbox<Message> {
  readonly #actor: ReturnType<LocalCell['spawn']>;
  readonly #receive: (message: Message) => void | Promise<void>;
  #queue: Message[] = [];
  #head = 0;
  #scheduled = false;
  #closed = false;
  #idle: (() => void) | undefined;

  /** @param receive must not throw */
  constructor(cell: LocalCell, receive: (message: Message) => void | Promise<void>) {
    this.#receive = receive;
    this.#actor = cell.spawn(() => this.#turn());
  }

  get size(): number {
    return this.#queue.length - this.#head;
  }

  /** False once closed: the caller makes a dead letter of it. */
  post(message: Message): boolean {
    if (this.#closed) return false;
    this.#queue.push(message);
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#actor.wake();
    }
    return true;
  }

  /** Takes no more messages; resolves with what was still waiting once the running handler has ended. */
  async close(): Promise<Message[]> {
    this.#closed = true;
    if (this.#scheduled) await new Promise<void>((resolve) => (this.#idle = resolve));
    this.#actor.stop();
    const rest = this.#queue.slice(this.#head);
    this.#queue = [];
    this.#head = 0;
    return rest;
  }

  #turn(): void | Promise<void> {
    for (let handled = 0; handled < MESSAGES_PER_TURN && !this.#closed; handled++) {
      const message = this.#next();
      if (message === undefined) break;
      const pending = this.#receive(message);
      if (pending) return pending.then(() => this.#rest());
    }
    this.#rest();
  }

  #rest(): void {
    if (this.size > 0 && !this.#closed) {
      this.#actor.wake();
      return;
    }
    this.#scheduled = false;
    this.#idle?.();
  }

  #next(): Message | undefined {
    if (this.#head === this.#queue.length) return undefined;
    const message = this.#queue[this.#head++];
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head > 1024) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return message;
  }
}

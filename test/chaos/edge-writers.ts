import type { Gateway } from './operators.ts';

/** A write to the PLC as its sender knows it in the end. */
export interface SentWrite {
  readonly id: string;
  /** No two writes have the same. */
  readonly value: number;
  /** Of the answer; undefined: there was none. */
  code: string | undefined;
}

export const WRITE_TIMEOUT_MS = 2000;
const PAUSE_MS = 250;

/** Somebody who writes a set point again and again, each value once and whatever becomes of it. */
export class EdgeWriters {
  readonly writes: SentWrite[] = [];
  readonly #gateway: Gateway;
  readonly #route: string;
  readonly #running: Promise<void>;
  #stopping = false;

  constructor(gateway: Gateway, device: string) {
    this.#gateway = gateway;
    this.#route = `/devices/${device}/points/setpoint/write`;
    this.#running = this.#work();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  async #work(): Promise<void> {
    for (let value = 1; !this.#stopping; value++) {
      const write: SentWrite = { id: `write-${value}`, value, code: undefined };
      this.writes.push(write);
      write.code = await this.#send(write);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async #send({ id, value }: SentWrite): Promise<string | undefined> {
    try {
      const body = { value, timeoutMs: WRITE_TIMEOUT_MS };
      const answer = await this.#gateway.request('POST', this.#route, { body, commandId: id, timeoutMs: 10_000 });
      return answer.ok ? 'ok' : answer.body.error.code;
    } catch {
      return undefined;
    }
  }
}

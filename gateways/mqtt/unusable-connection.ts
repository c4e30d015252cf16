import type { ConnectionDefinition } from '../../topology/plant.ts';
import type { Driver, DriverFactory, DriverHost, WriteOutcome, WriteRequest } from '../driver.ts';

/** Stands for a connection whose settings cannot be used: it reports why, until a definition comes that can be. */
export class UnusableConnection implements Driver {
  readonly #message: string;
  readonly #host: DriverHost;
  readonly #create: DriverFactory;
  #started = false;
  #successor: Driver | null = null;

  constructor(message: string, host: DriverHost, create: DriverFactory) {
    this.#message = message;
    this.#host = host;
    this.#create = create;
  }

  start(): void {
    this.#started = true;
    this.#host.report({
      state: 'failed',
      detail: this.#message,
      lastError: { code: 'bad_settings', message: this.#message, atMs: Date.now() },
      errors: { bad_settings: 1 },
      readingsPerSecond: 0,
      lastReadingAtMs: null,
      cycleOverruns: 0,
      queueDepth: 0,
    });
  }

  async reconfigure(definition: ConnectionDefinition): Promise<void> {
    if (this.#successor !== null) return this.#successor.reconfigure(definition);
    this.#successor = this.#create(definition, this.#host);
    if (this.#started) this.#successor.start();
  }

  async stop(): Promise<void> {
    this.#started = false;
    await this.#successor?.stop();
  }

  async write(request: WriteRequest): Promise<WriteOutcome> {
    return notWritable(request);
  }
}

export function notWritable({ writeId }: WriteRequest): WriteOutcome {
  return { writeId, state: 'failed', code: 'not_writable', message: 'points of MQTT devices are read-only' };
}

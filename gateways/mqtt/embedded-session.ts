import { type EmbeddedBroker, type EmbeddedBrokerOptions, startEmbeddedBroker } from './embedded-broker.ts';
import { failureOf } from './failure.ts';
import type { Intake } from './intake.ts';
import { DRAIN_MS, type Session, type SessionEvents } from './session.ts';
import type { Statistics } from './statistics.ts';

export interface EmbeddedSessionOptions extends Omit<EmbeddedBrokerOptions, 'take' | 'onTooLong'> {
  readonly intake: () => Intake;
  readonly statistics: Statistics;
}

/** Our own broker as a session: up while it listens. */
export class EmbeddedSession implements Session {
  readonly #options: EmbeddedSessionOptions;
  readonly #events: SessionEvents;
  #starting: Promise<void> = Promise.resolve();
  #broker: EmbeddedBroker | null = null;
  #closing = false;

  constructor(options: EmbeddedSessionOptions, events: SessionEvents) {
    this.#options = options;
    this.#events = events;
  }

  get inFlight(): number {
    return this.#broker?.inFlight ?? 0;
  }

  get facts(): Readonly<Record<string, string | number>> {
    const broker = this.#broker;
    return broker === null ? {} : { broker: 'embedded', url: broker.url, port: broker.port, clients: broker.clients };
  }

  open(): void {
    this.#starting = this.#start();
  }

  async close(): Promise<void> {
    const untilMs = performance.now() + DRAIN_MS;
    while (this.inFlight > 0 && performance.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 5));
    this.#closing = true;
    await this.#starting;
    await this.#broker?.close();
  }

  async #start(): Promise<void> {
    try {
      this.#broker = await startEmbeddedBroker({
        ...this.#options,
        take: (topic, payload) => this.#take(topic, payload),
        onTooLong: ({ bytes, topic }, from) => this.#options.intake().tooLong(topic ?? '', bytes, from),
      });
      if (!this.#closing) this.#events.up();
    } catch (error) {
      const { code, message } = failureOf(error);
      const inUse = message.includes('EADDRINUSE');
      if (!this.#closing) this.#events.lost({ code: inUse ? 'mqtt_port_in_use' : code, message });
    }
  }

  #take(topic: string, payload: Buffer): Promise<void> | null {
    // Refused, not swallowed: the publisher keeps what has no PUBACK.
    if (this.#closing) return Promise.reject(new Error('the broker is being stopped'));
    const stored = this.#options.intake().take(topic, payload, false);
    if (stored === null) return null;
    const fromMs = performance.now();
    return stored.then(
      () => {
        this.#options.statistics.latency(Date.now(), performance.now() - fromMs);
        this.#events.stored();
      },
      (error: unknown) => {
        this.#options.statistics.count('not_stored');
        throw error;
      },
    );
  }
}

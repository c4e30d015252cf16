import { type EmbeddedBroker, type EmbeddedBrokerOptions, startEmbeddedBroker } from './embedded-broker.ts';
import { failureOf } from './failure.ts';
import type { Intake } from './intake.ts';
import { Senders } from './senders.ts';
import { DRAIN_MS, type Session, type SessionEvents, type Trouble } from './session.ts';
import type { Statistics } from './statistics.ts';

export interface EmbeddedSessionOptions extends Omit<EmbeddedBrokerOptions, 'take' | 'onTooLong' | 'onClient'> {
  readonly intake: () => Intake;
  readonly statistics: Statistics;
}

const SETTLE_EVERY_MS = 250;

/** Our own broker as a session: up while it listens. */
export class EmbeddedSession implements Session {
  readonly #options: EmbeddedSessionOptions;
  readonly #events: SessionEvents;
  #starting: Promise<void> = Promise.resolve();
  #broker: EmbeddedBroker | null = null;
  #closing = false;
  readonly #senders: Senders;
  #settling: NodeJS.Timeout | undefined;
  /** Whoever spoke for a device has left. */
  #nobody: Trouble | null = null;
  /** Clients whose message the log refused: they were cut off by us. */
  readonly #cutOff = new Set<string>();

  constructor(options: EmbeddedSessionOptions, events: SessionEvents) {
    this.#options = options;
    this.#events = events;
    this.#senders = new Senders((device) => options.intake().intervalOf(device));
  }

  get trouble(): Trouble | null {
    return this.#nobody;
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
    clearInterval(this.#settling);
    await this.#starting;
    await this.#broker?.close();
  }

  async #start(): Promise<void> {
    try {
      this.#broker = await startEmbeddedBroker({
        ...this.#options,
        take: (topic, payload, client) => this.#take(topic, payload, client),
        onClient: (client, isThere) => this.#client(client, isThere),
        onTooLong: ({ bytes, topic }, from) => this.#options.intake().tooLong(topic ?? '', bytes, from),
      });
      if (this.#closing) return;
      this.#settling = setInterval(() => this.#settle(), SETTLE_EVERY_MS);
      this.#events.up();
    } catch (error) {
      const { code, message } = failureOf(error);
      const inUse = message.includes('EADDRINUSE');
      if (!this.#closing) this.#events.lost({ code: inUse ? 'mqtt_port_in_use' : code, message });
    }
  }

  #client(client: string, isThere: boolean): void {
    if (this.#closing) return;
    if (isThere) this.#senders.connected(client, Date.now());
    else if (!this.#cutOff.delete(client)) this.#senders.gone(client, Date.now());
    else this.#senders.forget(client);
  }

  #settle(): void {
    const departure = this.#senders.settle(Date.now());
    if (departure === null || this.#closing) return;
    if (departure.kind === 'some') this.#options.intake().clientsGone(departure.devices);
    else {
      // The code says it all.
      this.#nobody = { code: 'mqtt_no_clients', message: '', atMs: Date.now() };
      this.#options.intake().lost('mqtt_no_clients');
    }
  }

  #spoke(client: string | null, device: string): void {
    this.#nobody = null;
    if (client !== null) this.#senders.spoke(client, device);
  }

  #take(topic: string, payload: Buffer, client: string | null): Promise<void> | null {
    // Refused, not swallowed: the publisher keeps what has no PUBACK.
    if (this.#closing) return Promise.reject(new Error('the broker is being stopped'));
    const stored = this.#options.intake().take(topic, payload, false, (device) => this.#spoke(client, device));
    if (stored === null) return null;
    const fromMs = performance.now();
    return stored.then(
      () => {
        this.#options.statistics.latency(Date.now(), performance.now() - fromMs);
        this.#events.stored();
      },
      (error: unknown) => {
        this.#options.statistics.count('not_stored');
        if (client !== null) this.#cutOff.add(client);
        throw error;
      },
    );
  }
}

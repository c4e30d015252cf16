import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { AckWindow, encodePubacks } from './ack-window.ts';
import { type Failure, failureOf } from './failure.ts';
import type { Intake } from './intake.ts';
import { DRAIN_MS, type Session, type SessionEvents } from './session.ts';
import type { Statistics } from './statistics.ts';

export interface BrokerSessionOptions {
  readonly url: string;
  readonly client: IClientOptions;
  /** Filters as the broker is asked for them, `$share/…` included. */
  readonly filters: readonly string[];
  readonly qos: 0 | 1;
  readonly maxInFlight: number;
  /** Until the broker has confirmed the subscriptions. */
  readonly connectTimeoutMs: number;
  readonly intake: () => Intake;
  readonly statistics: Statistics;
}

const END_MS = 500;

/**
 * Given to mqtt.js in place of success: it then goes on to the next message without sending the PUBACK of this one, which the
 * acknowledgement window does once the log has it. Otherwise mqtt.js would take one message at a time.
 */
const ACKNOWLEDGED_LATER = new Error('acknowledged later');

/** A session with a broker elsewhere. Reconnecting is the link's business: here a loss is the end. */
export class BrokerSession implements Session {
  readonly #options: BrokerSessionOptions;
  readonly #events: SessionEvents;
  readonly #window: AckWindow;
  #client: MqttClient | null = null;
  #timer: NodeJS.Timeout | undefined;
  #closing = false;
  #sampling = false;

  constructor(options: BrokerSessionOptions, events: SessionEvents) {
    this.#options = options;
    this.#events = events;
    this.#window = new AckWindow(
      options.maxInFlight,
      (messageIds) => this.#acknowledge(messageIds),
      (error) => this.#lose({ code: 'not_stored', message: failureOf(error).message }),
    );
  }

  get inFlight(): number {
    return this.#window.size;
  }

  get facts(): Readonly<Record<string, string | number>> {
    return { protocol: this.#options.client.protocolVersion === 5 ? 'MQTT 5.0' : 'MQTT 3.1.1' };
  }

  open(): void {
    const { url, client: settings, connectTimeoutMs } = this.#options;
    let client: MqttClient;
    try {
      client = connect(url, { ...settings, connectTimeout: connectTimeoutMs, reconnectPeriod: 0, resubscribe: false });
    } catch (error) {
      queueMicrotask(() => this.#lose({ code: 'bad_settings', message: failureOf(error).message }));
      return;
    }
    this.#client = client;
    this.#timer = setTimeout(
      () => this.#lose({ code: 'timeout', message: `no session within ${connectTimeoutMs} ms` }),
      connectTimeoutMs,
    );
    client.handleMessage = (packet, proceed) => this.#take(packet, proceed);
    client.on('connect', () => this.#subscribe(client));
    client.on('error', (error) => this.#lose(failureOf(error)));
    client.on('disconnect', ({ reasonCode = 0 }) =>
      this.#lose(
        failureOf(Object.assign(new Error(`the broker ended the session (${reasonCode})`), { code: reasonCode })),
      ),
    );
    client.on('close', () => this.#lose({ code: 'connection_lost', message: 'the connection was closed' }));
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#timer);
    const untilMs = performance.now() + DRAIN_MS;
    while (this.#window.size > 0 && performance.now() < untilMs && this.#client?.connected) await pause(5);
    this.#window.close();
    const client = this.#client;
    if (client === null) return;
    const ended = new Promise<void>((resolve) => client.end(false, {}, () => resolve()));
    await Promise.race([ended, pause(END_MS)]);
    client.end(true);
  }

  #subscribe(client: MqttClient): void {
    const { filters, qos } = this.#options;
    client.subscribe([...filters], { qos }, (error, granted) => {
      if (this.#closing) return;
      const refused = granted?.find((grant) => grant.qos >= 128);
      if (error || refused) {
        const message = error?.message ?? `the broker refuses ${refused?.topic ?? 'a subscription'}`;
        this.#lose({ code: 'mqtt_subscription_refused', message });
        return;
      }
      clearTimeout(this.#timer);
      this.#events.up();
    });
  }

  #take(packet: IPublishPacket, proceed: (error?: Error) => void): void {
    // Not proceeding stops the reading of the socket; what was not taken is sent again in the next session.
    if (this.#closing) return;
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    const stored = this.#options.intake().take(packet.topic, payload, packet.retain);
    this.#window.add(packet.qos === 0 ? null : (packet.messageId ?? null), stored);
    if (stored !== null) this.#sampleLatency(stored);
    this.#window.whenRoom(() => proceed(packet.qos === 0 ? undefined : ACKNOWLEDGED_LATER));
  }

  #acknowledge(messageIds: readonly number[]): void {
    const client = this.#client;
    if (!client?.connected) return;
    client.stream.write(encodePubacks(messageIds));
    this.#events.stored();
  }

  /** One message at a time is timed: enough to know, too little to cost anything. */
  #sampleLatency(stored: Promise<void>): void {
    if (this.#sampling) return;
    this.#sampling = true;
    const fromMs = performance.now();
    const sampled = () => {
      this.#sampling = false;
      this.#options.statistics.latency(Date.now(), performance.now() - fromMs);
    };
    stored.then(sampled, sampled);
  }

  #lose(failure: Failure): void {
    if (this.#closing) return;
    this.#closing = true;
    clearTimeout(this.#timer);
    this.#window.close();
    this.#client?.end(true);
    this.#events.lost(failure);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

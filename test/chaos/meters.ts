import { connect, type MqttClient } from 'mqtt';
import type { Random } from '../../simulators/plant/random.ts';

/** What one device has sent, by its own time, which no two of its readings share. */
export interface SentReadings {
  readonly published: Map<number, number>;
  /** Times of those that the broker has acknowledged: from then on they must not be lost. */
  readonly acknowledged: Set<number>;
}

interface Reading {
  readonly device: string;
  readonly timeMs: number;
  readonly level: number;
}

const RECONNECT_MS = 100;

/**
 * Meters that publish at QoS 1 through outages of the broker and keep account of it. What was not acknowledged is sent again
 * on the next connection, so the same reading may arrive twice, far apart. They do this themselves: the store of mqtt.js
 * was seen to stop sending for good when the broker was restarted under load.
 */
export class Meters {
  readonly sent = new Map<string, SentReadings>();
  readonly #brokerUrl: string;
  readonly #random: Random;
  readonly #devices: readonly string[];
  readonly #timer: NodeJS.Timeout;
  readonly #lastMs = new Map<string, number>();
  readonly #waiting = new Set<Reading>();
  #client: MqttClient;
  #reconnecting: NodeJS.Timeout | undefined;
  #closed = false;
  #count = 0;

  /** @param perSecond readings of each device */
  constructor(brokerUrl: string, devices: readonly string[], perSecond: number, random: Random) {
    this.#brokerUrl = brokerUrl;
    this.#devices = devices;
    this.#random = random;
    for (const device of devices) this.sent.set(device, { published: new Map(), acknowledged: new Set() });
    this.#client = this.#connect();
    this.#timer = setInterval(() => this.#tick(), 1000 / perSecond);
  }

  get acknowledged(): number {
    return [...this.sent.values()].reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  }

  get unacknowledged(): number {
    return this.#waiting.size;
  }

  /** Many at once, so that some are on their way through the product in any moment that follows. */
  burst(readings: number): void {
    for (let count = 0; count < readings; count++) this.#tick();
  }

  /** Measures nothing more; what is under way is still sent until it is acknowledged. */
  pause(): void {
    clearInterval(this.#timer);
  }

  async close(): Promise<void> {
    this.pause();
    this.#closed = true;
    clearTimeout(this.#reconnecting);
    await this.#client.endAsync(true);
  }

  #connect(): MqttClient {
    const client = connect(this.#brokerUrl, { reconnectPeriod: 0, queueQoSZero: false });
    client.on('error', () => {});
    client.on('connect', () => {
      for (const reading of this.#waiting) this.#send(client, reading);
    });
    client.on('close', () => {
      if (this.#closed || client !== this.#client) return;
      this.#reconnecting = setTimeout(() => {
        this.#client = this.#connect();
      }, RECONNECT_MS);
    });
    return client;
  }

  #tick(): void {
    for (const device of this.#devices) {
      const timeMs = Math.max(Date.now(), (this.#lastMs.get(device) ?? 0) + 1);
      this.#lastMs.set(device, timeMs);
      // The fraction counts the readings: no value comes twice, so a reading that was made up or mixed up is seen.
      const level = Math.floor(this.#random.uniform() * 99) + (++this.#count % 1_000_000) / 1_000_000;
      const reading = { device, timeMs, level };
      this.sent.get(device)?.published.set(timeMs, level);
      this.#waiting.add(reading);
      if (this.#client.connected) this.#send(this.#client, reading);
    }
  }

  #send(client: MqttClient, reading: Reading): void {
    const { device, timeMs, level } = reading;
    client.publish(`plant/${device}`, JSON.stringify({ ts: timeMs, metrics: { level } }), { qos: 1 }, (error) => {
      if (error) return;
      this.sent.get(device)?.acknowledged.add(timeMs);
      this.#waiting.delete(reading);
    });
  }
}

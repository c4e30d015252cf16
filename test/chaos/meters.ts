import { connectAsync, type MqttClient } from 'mqtt';
import type { Random } from '../../simulators/plant/random.ts';

/** What one device has sent, by its own time, which no two of its readings share. */
export interface SentReadings {
  readonly published: Map<number, number>;
  /** Times of those that the broker has acknowledged: from then on they must not be lost. */
  readonly acknowledged: Set<number>;
}

/** Meters that publish at QoS 1 through outages of the broker and keep account of it. */
export class Meters {
  readonly sent = new Map<string, SentReadings>();
  readonly #client: MqttClient;
  readonly #random: Random;
  readonly #devices: readonly string[];
  readonly #timer: NodeJS.Timeout;
  readonly #lastMs = new Map<string, number>();
  #count = 0;
  #givenUp = 0;

  private constructor(client: MqttClient, devices: readonly string[], perSecond: number, random: Random) {
    this.#client = client;
    this.#devices = devices;
    this.#random = random;
    for (const device of devices) this.sent.set(device, { published: new Map(), acknowledged: new Set() });
    this.#timer = setInterval(() => this.#tick(), 1000 / perSecond);
  }

  /** @param perSecond readings of each device */
  static async start(
    brokerUrl: string,
    devices: readonly string[],
    perSecond: number,
    random: Random,
  ): Promise<Meters> {
    const client = await connectAsync(brokerUrl, { clientId: 'meters', clean: false, reconnectPeriod: 100 });
    client.on('error', () => {});
    return new Meters(client, devices, perSecond, random);
  }

  get acknowledged(): number {
    return [...this.sent.values()].reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  }

  get unacknowledged(): number {
    return this.#count - this.#givenUp - this.acknowledged;
  }

  /** Many at once, so that some are on their way through the product in any moment that follows. */
  burst(readings: number): void {
    for (let count = 0; count < readings; count++) this.#tick();
  }

  /** Sends nothing more; what is under way is still acknowledged. */
  pause(): void {
    clearInterval(this.#timer);
  }

  async close(): Promise<void> {
    this.pause();
    await this.#client.endAsync(true);
  }

  #tick(): void {
    for (const device of this.#devices) this.#publish(device);
  }

  #publish(device: string): void {
    const account = this.sent.get(device);
    if (account === undefined) return;
    const timeMs = Math.max(Date.now(), (this.#lastMs.get(device) ?? 0) + 1);
    this.#lastMs.set(device, timeMs);
    // The fraction counts the readings: no value comes twice, so a reading that was made up or mixed up is seen.
    const level = Math.floor(this.#random.uniform() * 99) + (++this.#count % 1_000_000) / 1_000_000;
    account.published.set(timeMs, level);
    this.#client.publish(`plant/${device}`, JSON.stringify({ ts: timeMs, metrics: { level } }), { qos: 1 }, (error) => {
      // Given up by the client, as when the link breaks while it is written: nobody was promised anything.
      if (error) this.#givenUp++;
      else account.acknowledged.add(timeMs);
    });
  }
}

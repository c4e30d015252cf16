import type { ConnectionDefinition } from '../../topology/plant.ts';
import type { MqttConnection } from '../../topology/schema/mqtt.ts';
import type { Connectivity, DriverHost } from '../driver.ts';
import type { DriverCode } from '../driver-codes.ts';
import { decodePayload, type Fault } from './payload.ts';
import { createRouter, type Router } from './router.ts';
import type { Statistics } from './statistics.ts';

const SHOWN_BODY_BYTES = 2000;
const TOLD_AGAIN_MS = 60_000;
const TOLD_LIMIT = 1000;
const CONNECTED: Connectivity = { state: 'online', reason: 'connected' };
const CLIENT_GONE: Connectivity = { state: 'offline', reason: 'mqtt_client_gone' };
const LAST_WILL: Connectivity = { state: 'offline', reason: 'mqtt_last_will' };

/**
 * Takes messages, wherever they come from: finds the device, reads the payload, passes the frame on. What cannot be used goes
 * to the dead letters and is done with: bad data never stops anything.
 */
export class Intake {
  readonly #host: DriverHost;
  readonly #statistics: Statistics;
  readonly #router: Router;
  readonly #connection: string;
  readonly #states: Map<string, Connectivity | null>;
  /** Devices that are not in service, and whether what they send was refused by name: once says it all. */
  readonly #outOfUse: ReadonlyMap<string, { told: boolean }>;
  readonly #maxPayloadBytes: number;
  readonly #intervals: ReadonlyMap<string, number>;
  /** Topics whose too long messages were told of lately: a sender that does not give up must not fill the dead letters. */
  readonly #told = new Map<string, number>();

  /** @param states connectivity as it was reported last, null before the first time; kept across a change of definition */
  constructor(
    definition: ConnectionDefinition,
    settings: MqttConnection,
    host: DriverHost,
    statistics: Statistics,
    states: Map<string, Connectivity | null>,
  ) {
    this.#host = host;
    this.#statistics = statistics;
    this.#router = createRouter(definition, settings);
    this.#connection = definition.id;
    this.#maxPayloadBytes = settings.maxPayloadBytes;
    this.#states = states;
    this.#intervals = new Map(definition.devices.map(({ id, expectedIntervalMs }) => [id, expectedIntervalMs]));
    const inService = definition.devices.filter(({ decommissioned }) => !decommissioned);
    const known = new Set(inService.map((device) => device.id));
    this.#outOfUse = new Map(
      definition.devices.filter((each) => !known.has(each.id)).map(({ id }) => [id, { told: false }]),
    );
    for (const device of states.keys()) if (!known.has(device)) states.delete(device);
    for (const device of known) if (!states.has(device)) states.set(device, null);
  }

  /** Expected between two messages of a device. */
  intervalOf(device: string): number {
    return this.#intervals.get(device) ?? 0;
  }

  /** What to ask a broker for. The load of the readings can be shared with others; a status is for everybody. */
  filters(sharedGroup: string | undefined): readonly string[] {
    const { filters, statusFilter } = this.#router;
    const shared = sharedGroup === undefined ? filters : filters.map((filter) => `$share/${sharedGroup}/${filter}`);
    return statusFilter === null ? shared : [...shared, statusFilter];
  }

  /** Whether a topic belongs to a device of the connection. */
  knows(topic: string): boolean {
    return this.#router.route(topic).kind !== 'refused';
  }

  /**
   * @param heard told of the device that has spoken by it
   * @returns a promise that resolves once the log has the message and rejects when it cannot take it; null when there was
   * nothing to store. Only then may the sender be told that it was received.
   */
  take(topic: string, payload: Buffer, retained: boolean, heard?: (device: string) => void): Promise<void> | null {
    this.#statistics.messages++;
    if (payload.length > this.#maxPayloadBytes) {
      this.tooLong(topic, payload.length);
      return null;
    }
    const route = this.#router.route(topic);
    if (route.kind === 'refused') {
      this.#refuse(topic, payload, [route]);
      return null;
    }
    const named = route.kind === 'status' ? route.device : route.points?.device;
    if (named !== undefined && this.#isOutOfUse(named, topic)) return null;
    if (route.kind === 'status') {
      this.#takeStatus(topic, route.device, payload, heard);
      return null;
    }
    const receivedAtMs = Date.now();
    const { device, frame, faults } = decodePayload(this.#router, route, { payload, receivedAtMs, retained });
    // Where the payload says of which device it is.
    if (named === undefined && device !== null && this.#isOutOfUse(device, topic)) return null;
    if (faults.length > 0) this.#refuse(topic, payload, faults);
    // Even a message that cannot be read shows that its sender is there; a retained one shows nothing.
    if (device !== null && !retained) {
      heard?.(device);
      this.#report(device, CONNECTED);
    }
    if (device === null || frame === null) return null;
    this.#statistics.readings += frame.values.length;
    this.#statistics.lastReadingAtMs = receivedAtMs;
    return this.#host.ingest(device, frame);
  }

  /** Refuses a message for its length, without its body. */
  tooLong(topic: string, bytes: number, from?: string): void {
    this.#statistics.count('payload_too_large');
    const nowMs = Date.now();
    if (nowMs - (this.#told.get(topic) ?? Number.NEGATIVE_INFINITY) < TOLD_AGAIN_MS) return;
    if (this.#told.size >= TOLD_LIMIT) this.#told.clear();
    this.#told.set(topic, nowMs);
    const reason = `${bytes} bytes${from === undefined ? '' : ` from ${from}`}, and ${this.#maxPayloadBytes} are allowed`;
    this.#host.deadLetter({ source: `${this.#connection}:${topic}`, code: 'payload_too_large', reason, body: '' });
  }

  /** The link is not there: nothing is known of any device behind it. */
  lost(reason: DriverCode, detail?: string): void {
    const unknown: Connectivity = { state: 'unknown', reason, ...(detail !== undefined && { detail }), ofLink: true };
    for (const device of this.#states.keys()) this.#report(device, unknown);
  }

  /** Their clients have left: nobody can be heard of them. */
  clientsGone(devices: readonly string[]): void {
    for (const device of devices) if (this.#states.has(device)) this.#report(device, CLIENT_GONE);
  }

  #isOutOfUse(device: string, topic: string): boolean {
    const refused = this.#outOfUse.get(device);
    if (refused === undefined) return false;
    this.#statistics.count('decommissioned');
    if (!refused.told) {
      const reason = `${device} is decommissioned: this and all that follows is refused, and only counted`;
      this.#host.deadLetter({ source: `${this.#connection}:${topic}`, code: 'decommissioned', reason, body: '' });
    }
    refused.told = true;
    return true;
  }

  #takeStatus(topic: string, device: string, payload: Buffer, heard?: (device: string) => void): void {
    const status = payload.toString().trim().toLowerCase();
    if (status === 'online') {
      heard?.(device);
      this.#report(device, CONNECTED);
    } else if (status === 'offline') this.#report(device, LAST_WILL);
    else if (status !== '') {
      // An empty payload is how a retained status is deleted.
      this.#refuse(topic, payload, [{ code: 'bad_status', reason: 'a status is online or offline' }]);
    }
  }

  #report(device: string, connectivity: Connectivity): void {
    const before = this.#states.get(device);
    if (before === connectivity) return;
    this.#states.set(device, connectivity);
    if (before?.state !== connectivity.state || before.reason !== connectivity.reason) {
      this.#host.connectivity(device, connectivity);
    }
  }

  #refuse(topic: string, payload: Buffer, faults: readonly Fault[]): void {
    const body = payload.subarray(0, SHOWN_BODY_BYTES).toString();
    for (const { code, reason } of faults) {
      this.#statistics.count(code);
      this.#host.deadLetter({ source: `${this.#connection}:${topic}`, code, reason, body });
    }
  }
}

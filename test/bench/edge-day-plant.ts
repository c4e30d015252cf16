import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type { MqttClient } from 'mqtt';
import type { Frame } from '../../actors/frame.ts';
import { entityId } from '../../runtime/ids.ts';
import type { LogRecord } from '../../runtime/log.ts';
import { SqlLog } from '../../runtime/sql/sql-log.ts';

export const CELL = 'edge-7';

export interface DaySize {
  readonly devices: number;
  readonly points: number;
  /** Seconds between two frames of a device. */
  readonly every: number;
}

/** Of one device, in the order in which it was sent: when it was measured, and its first value. */
export type Sent = readonly [timeMs: number, first: number];

/**
 * The meters of an edge: what they have in a day and what they send now. Each hour of the day every device alarms once; values
 * have two digits behind the point and no two are alike, for what compresses well in a bench does not in a plant.
 */
export class DayMeters {
  readonly sent = new Map<number, Sent[]>();
  readonly #size: DaySize;
  readonly #names: readonly string[];
  #count = 0;

  constructor(size: DaySize) {
    this.#size = size;
    this.#names = namesOf(size);
    for (let device = 0; device < size.devices; device++) this.sent.set(device, []);
  }

  /** Frames so far. */
  get count(): number {
    return this.#count;
  }

  /** The first value of the first device at the end of the day. */
  get lastOfDay(): number {
    return this.#dayValue(this.#scans - 1, 0);
  }

  get #scans(): number {
    return Math.floor(86_400 / this.#size.every);
  }

  publish(mqtt: MqttClient, device: number, first: number): Promise<unknown> {
    const ts = this.#note(device, first);
    const metrics = Object.fromEntries(this.#names.map((name, n) => [name, n === 0 ? first : this.#measured(n)]));
    return mqtt.publishAsync(`plant/d-${device}`, JSON.stringify({ ts, metrics }), { qos: 1 });
  }

  /** Frames of a day behind those in the log of an edge that does not run, in the form that they have there. */
  async fill(edgeDir: string): Promise<void> {
    const { devices } = this.#size;
    const log = await SqlLog.open({ file: path.join(edgeDir, 'telemetry.db') });
    const likeness = new Map<string, Frame>();
    for (const { source, observation } of await log.read(0, 10_000)) {
      const frame = observation as Frame;
      if (source.startsWith('device/d-') && frame.points.length > 0) likeness.set(source, frame);
    }
    assert.equal(likeness.size, devices, 'each device has sent something');
    let records: LogRecord[] = [];
    for (let scan = 0; scan < this.#scans; scan++) {
      for (let device = 0; device < devices; device++) {
        const source = entityId('device', `d-${device}`);
        const first = this.#dayValue(scan, device);
        const atMs = this.#note(device, first);
        const values = this.#names.map((_, n) => (n === 0 ? first : this.#measured(n)));
        const observation = { ...likeness.get(source), deviceTimeMs: atMs, gatewayTimeMs: atMs, values };
        records.push({ source, observation: observation as never });
      }
      if (records.length < 2000 && scan < this.#scans - 1) continue;
      await log.append(records);
      records = [];
    }
    await log.close();
  }

  /** Of now, and no two of a device alike. */
  #note(device: number, first: number): number {
    const sent = this.sent.get(device);
    assert.ok(sent);
    const timeMs = Math.max(Date.now(), (sent.at(-1)?.[0] ?? 0) + 1);
    sent.push([timeMs, first]);
    this.#count++;
    return timeMs;
  }

  #dayValue(scan: number, device: number): number {
    const minute = Math.floor((scan * this.#size.every) / 60) + device;
    return minute % 60 === 0 ? 95 : 20 + (scan % 500) / 10;
  }

  #measured(n: number): number {
    return Math.round((20 + Math.sin(this.#count / 50 + n) * 10 + Math.random()) * 100) / 100;
  }
}

function namesOf({ points }: DaySize): string[] {
  return Array.from({ length: points }, (_, n) => `p${n}`);
}

/** A plant whose one site with something on it is at the edge. */
export function writeDayPlant(dir: string, brokerUrl: string, size: DaySize): string {
  const file = path.join(dir, 'plant.yaml');
  const ids = Array.from({ length: size.devices }, (_, n) => n);
  const names = namesOf(size);
  const lines = [
    'signalbox: 1',
    'organization: { id: bench, name: Bench }',
    `sites: [{ id: works, name: Works, timeZone: UTC }, { id: farm, name: Farm, timeZone: UTC, cell: ${CELL} }]`,
    `connections: [{ id: net, driver: mqtt, url: ${brokerUrl}, clientId: bench, topics: [{ topic: "plant/{device}" }] }]`,
    'deviceProfiles:',
    '  - id: meter',
    '    expectedIntervalMs: 600000',
    `    points: [${names.map((name) => `{ name: ${name} }`).join(', ')}]`,
    'assetProfiles:',
    '  - id: machine',
    `    metrics: [${names.map((name) => `{ name: ${name} }`).join(', ')}]`,
    '    rules: [{ id: high, name: High, metric: p0, when: { above: 90 }, cooldownSeconds: 0, autoAckOnClear: true }]',
    'devices:',
    ...ids.map((n) => `  - { id: d-${n}, name: D ${n}, site: farm, connection: net, profile: meter }`),
    'assets:',
    ...ids.map((n) => `  - { id: x-${n}, name: X ${n}, site: farm, profile: machine, links: [{ device: d-${n} }] }`),
  ];
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

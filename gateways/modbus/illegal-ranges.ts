import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { DeviceDefinition } from '../../topology/plant.ts';
import type { DriverLog } from '../driver.ts';
import { KeptFile } from '../kept-file.ts';
import type { AddressRange } from './planner.ts';

/**
 * What the devices of a link have refused to read, so that a restart need not ask again. A range is tried again after a
 * minute, since the refusal may be a passing state of the device; each further refusal doubles the pause, up to an hour. It is
 * forgotten as soon as the device's definition changes.
 */
export class IllegalRanges {
  readonly #file: KeptFile<Content>;
  readonly #log: DriverLog;
  readonly #devices = new Map<string, { fingerprint: string; ranges: IllegalRange[] }>();

  constructor(path: string, log: DriverLog) {
    this.#file = new KeptFile(path, Content);
    this.#log = log;
    for (const [device, entry] of Object.entries(this.#load())) this.#devices.set(device, entry);
  }

  /** Those in force at `nowMs`. */
  of(device: DeviceDefinition, nowMs: number): readonly IllegalRange[] {
    const entry = this.#devices.get(device.id);
    if (entry === undefined || entry.fingerprint !== fingerprint(device)) return [];
    return entry.ranges.filter((range) => nowMs < range.learnedAtMs + range.retryAfterMs);
  }

  learn(device: DeviceDefinition, refused: Omit<IllegalRange, 'retryAfterMs'>): void {
    const entry = this.#devices.get(device.id);
    const known = entry?.fingerprint === fingerprint(device) ? entry.ranges : [];
    const before = known.find((range) => sameRange(range, refused));
    const retryAfterMs = before ? Math.min(before.retryAfterMs * 2, MAX_RETRY_AFTER_MS) : FIRST_RETRY_AFTER_MS;
    // One a point at the most, and a device has no more than this.
    const kept = [...known.filter((range) => range !== before), { ...refused, retryAfterMs }].slice(-MAX_RANGES);
    this.#devices.set(device.id, { fingerprint: fingerprint(device), ranges: kept });
  }

  /** The device refused all that was asked and now answers: what it taught was a passing state. */
  forget(device: DeviceDefinition): void {
    this.#devices.delete(device.id);
  }

  get count(): number {
    let count = 0;
    for (const { ranges } of this.#devices.values()) count += ranges.length;
    return count;
  }

  #load(): Content['devices'] {
    try {
      return this.#file.read()?.devices ?? {};
    } catch (error) {
      this.#log.warn({ error: String(error) }, 'learned ranges cannot be read; they are learned anew');
      return {};
    }
  }

  /** After a cycle that has taught something, once for all of it. */
  save(): void {
    try {
      this.#file.write({ version: 1, devices: Object.fromEntries(this.#devices) });
    } catch (error) {
      this.#log.warn({ error: String(error) }, 'learned ranges cannot be kept; they are learned anew after a restart');
    }
  }
}

export interface IllegalRange extends AddressRange {
  /** The exception that taught it; 0 for a border. */
  readonly exception: number;
  readonly learnedAtMs: number;
  readonly retryAfterMs: number;
}

export const FIRST_RETRY_AFTER_MS = 60_000;
export const MAX_RETRY_AFTER_MS = 3_600_000;
const MAX_RANGES = 5000;

const Content = z.object({
  version: z.literal(1),
  devices: z.record(
    z.string(),
    z.object({
      fingerprint: z.string(),
      ranges: z.array(
        z.object({
          area: z.enum(['holding', 'input', 'coil', 'discrete']),
          from: z.int(),
          to: z.int(),
          exception: z.int(),
          learnedAtMs: z.number(),
          retryAfterMs: z.number().default(FIRST_RETRY_AFTER_MS),
        }),
      ),
    }),
  ),
});
type Content = z.infer<typeof Content>;

/** Changes when anything does that decides what is read. */
function fingerprint(device: DeviceDefinition): string {
  const relevant = [device.modbus, device.points.map((point) => [point.name, point.modbus])];
  return createHash('sha256').update(JSON.stringify(relevant)).digest('base64url').slice(0, 22);
}

function sameRange(a: AddressRange, b: AddressRange): boolean {
  return a.area === b.area && a.from === b.from && a.to === b.to;
}

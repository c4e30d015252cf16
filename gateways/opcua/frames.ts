import type { Frame, PointValue, Quality } from '../../actors/frame.ts';
import type { DeviceLayout, Item, Layout, Sample } from './layout.ts';

/** A value that came with a notification or a read. */
export interface Change {
  readonly item: Item;
  readonly sample: Sample;
}

export interface DeviceFrame {
  readonly device: string;
  readonly frame: Frame;
}

interface Reading extends Change {
  readonly timeMs: number | null;
}

/**
 * Turns what one publish response brought into one frame per device. OPC UA reports changes alone; that nothing came for an
 * item while the server keeps publishing is itself a statement: the value still holds. So a GOOD or UNCERTAIN value that has
 * not changed for the device's expected interval is given again, with the server's publish time as its time
 * (docs/decisions/0005-opcua-unchanged-values.md).
 */
export class FrameAssembler {
  readonly #layout: Layout;
  readonly #lastFrameAtMs = new Map<string, number>();
  readonly #lastPoints = new Map<string, readonly string[]>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /**
   * @param asOfMs the server's clock when it sent this; for a read, when it read
   * @param slackMs how much earlier than the expected interval a value may be given again: half a publishing interval
   */
  assemble(changes: readonly Change[], asOfMs: number, gatewayTimeMs: number, slackMs: number): DeviceFrame[] {
    const rounds = roundsByDevice(changes, asOfMs);
    const frames: DeviceFrame[] = [];
    for (const [id, device] of this.#layout.devices) {
      const readings = rounds.get(id) ?? [[]];
      const newest = readings[readings.length - 1];
      const intervalMs = device.definition.expectedIntervalMs;
      if (newest !== undefined) addUnchanged(device, newest, asOfMs, intervalMs - slackMs);
      for (const round of readings) {
        if (round.length === 0 && !this.#lifeSignDue(device, gatewayTimeMs)) continue;
        frames.push({ device: id, frame: this.#frame(device, round, asOfMs, gatewayTimeMs) });
        this.#lastFrameAtMs.set(id, gatewayTimeMs);
      }
    }
    return frames;
  }

  /** A device of which every value is BAD still speaks: an empty frame says that it was heard. */
  #lifeSignDue(device: DeviceLayout, gatewayTimeMs: number): boolean {
    if (!device.items.some((item) => item.serverId !== null && item.last !== null)) return false;
    const lastMs = this.#lastFrameAtMs.get(device.definition.id);
    if (lastMs === undefined) this.#lastFrameAtMs.set(device.definition.id, gatewayTimeMs);
    return lastMs !== undefined && gatewayTimeMs - lastMs >= device.definition.expectedIntervalMs;
  }

  #frame(device: DeviceLayout, readings: Reading[], asOfMs: number, gatewayTimeMs: number): Frame {
    readings.sort((a, b) => a.item.position - b.item.position);
    const count = readings.length;
    const values: PointValue[] = new Array(count);
    const times: (number | null)[] = new Array(count);
    let quality: Quality[] | null = null;
    let reasons: (string | null)[] | null = null;
    let newestMs: number | null = null;
    let sameTime = true;
    for (let i = 0; i < count; i += 1) {
      const reading = readings[i];
      if (reading === undefined) continue;
      values[i] = reading.sample.value;
      times[i] = reading.timeMs;
      if (reading.timeMs !== null && (newestMs === null || reading.timeMs > newestMs)) newestMs = reading.timeMs;
      if (reading.timeMs !== times[0]) sameTime = false;
      if (reading.sample.quality !== 'GOOD') {
        quality ??= new Array<Quality>(count).fill('GOOD');
        reasons ??= new Array<string | null>(count).fill(null);
        quality[i] = reading.sample.quality;
        reasons[i] = reading.sample.reason;
      }
    }
    // A constant keeps its old source time; the frame as a whole is still of now, and only `times` tells the difference.
    const old = newestMs === null || asOfMs - newestMs > device.definition.expectedIntervalMs;
    const shared = sameTime && !old && count > 0;
    return {
      deviceTimeMs: old ? asOfMs : newestMs,
      gatewayTimeMs,
      points: this.#points(device, readings),
      values,
      quality,
      reasons,
      times: shared || count === 0 ? null : times,
    };
  }

  /** The same array for the same set of points, where that is cheap to know: all of them, or those of the frame before. */
  #points(device: DeviceLayout, readings: readonly Reading[]): readonly string[] {
    if (readings.length === device.points.length) return device.points;
    const id = device.definition.id;
    const before = this.#lastPoints.get(id);
    if (before?.length === readings.length && readings.every((reading, i) => reading.item.point === before[i]))
      return before;
    const points = readings.map((reading) => reading.item.point);
    this.#lastPoints.set(id, points);
    return points;
  }
}

/** Values of one item in one response follow each other in time: the second goes into a second frame, so that no frame has a point twice. */
function roundsByDevice(changes: readonly Change[], asOfMs: number): Map<string, Reading[][]> {
  const rounds = new Map<string, Reading[][]>();
  const seen = new Map<number, number>();
  for (const { item, sample } of changes) {
    item.last = sample;
    item.asOfMs = asOfMs;
    const round = seen.get(item.handle) ?? 0;
    seen.set(item.handle, round + 1);
    let ofDevice = rounds.get(item.device);
    if (ofDevice === undefined) {
      ofDevice = [];
      rounds.set(item.device, ofDevice);
    }
    let readings = ofDevice[round];
    if (readings === undefined) {
      readings = [];
      ofDevice[round] = readings;
    }
    readings.push({ item, sample, timeMs: sample.timeMs });
  }
  return rounds;
}

function addUnchanged(device: DeviceLayout, readings: Reading[], asOfMs: number, afterMs: number): void {
  for (const item of device.items) {
    const sample = item.last;
    if (sample === null || item.serverId === null || sample.quality === 'BAD') continue;
    if (asOfMs - item.asOfMs < Math.max(afterMs, 1)) continue;
    // A source whose clock runs ahead of the server's keeps its own clock, moved on by the time that passed.
    const ahead = sample.timeMs !== null && sample.timeMs >= asOfMs;
    const timeMs = ahead && sample.timeMs !== null ? sample.timeMs + (asOfMs - item.asOfMs) : asOfMs;
    item.last = { ...sample, timeMs };
    item.asOfMs = asOfMs;
    readings.push({ item, sample: item.last, timeMs });
  }
}

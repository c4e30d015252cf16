import type { Frame, PointValue, Quality } from '../../../actors/frame.ts';
import { timeOfFrame, timeOfReading } from '../readings.ts';

/** Series whose first half of a line is kept; more, and all of them are made anew. */
const MAX_HEADS = 200_000;

/**
 * Readings as lines of QuestDB's protocol:
 *
 *     table,entity=device/plc-1,series=t,quality=GOOD,type=number value=20.5,gateway_time=…t,stored_time=…t time
 *
 * Names are escaped once a series; what differs from reading to reading is numbers.
 */
export class LineEncoder {
  readonly #table: string;
  readonly #heads = new Map<string, Map<string, string>>();
  #kept = 0;

  constructor(table: string) {
    this.#table = escapeName(table);
  }

  /** One line a reading, each with its end. @param storedAtMs when we hand them to the database */
  frame(entity: string, frame: Frame, loggedAtMs: number | undefined, storedAtMs: number): string {
    const heads = this.#headsOf(entity);
    const { points, values, quality } = frame;
    const tail =
      `gateway_time=${microseconds(frame.gatewayTimeMs)}t,stored_time=${microseconds(storedAtMs)}t` +
      (loggedAtMs === undefined ? '' : `,log_time=${microseconds(loggedAtMs)}t`);
    const frameTimeMs = timeOfFrame(frame);
    const frameEnd = `${tail} ${microseconds(frameTimeMs)}\n`;
    let lines = '';
    for (let index = 0; index < points.length; index++) {
      const point = points[index];
      if (point === undefined) continue;
      lines += heads.get(point) ?? this.#keep(entity, heads, point);
      lines += fieldsOf(values[index] ?? null, quality?.[index] ?? 'GOOD');
      lines +=
        frame.times === null || frame.times === undefined
          ? frameEnd
          : `${tail} ${microseconds(timeOfReading(frame, index, frameTimeMs))}\n`;
    }
    return lines;
  }

  #headsOf(entity: string): Map<string, string> {
    let heads = this.#heads.get(entity);
    if (heads) return heads;
    if (this.#kept > MAX_HEADS) {
      this.#heads.clear();
      this.#kept = 0;
    }
    heads = new Map();
    this.#heads.set(entity, heads);
    return heads;
  }

  #keep(entity: string, heads: Map<string, string>, point: string): string {
    const head = `${this.#table},entity=${escapeName(entity)},series=${escapeName(point)}`;
    heads.set(point, head);
    this.#kept += 1;
    return head;
  }
}

/** Symbols stand before the first space, fields after it. A number that is none, as that of a division by zero, has no value. */
function fieldsOf(value: PointValue, quality: Quality): string {
  if (typeof value === 'number') {
    const head = quality === 'GOOD' ? ',quality=GOOD,type=number ' : `,quality=${quality},type=number `;
    return Number.isFinite(value) ? `${head}value=${value},` : head;
  }
  if (typeof value === 'string') return `,quality=${quality},type=text text="${escapeText(value)}",`;
  // As a number it can be drawn and averaged too: the share of the time in which a motor ran.
  if (typeof value === 'boolean') return `,quality=${quality},type=boolean value=${value ? 1 : 0},`;
  return `,quality=${quality},type=null `;
}

/** Times are whole µs here; a double holds them exactly until 2255. */
export function microseconds(timeMs: number): number {
  return Math.round(timeMs * 1000);
}

export function escapeName(name: string): string {
  return name.replace(/[ ,=\\\n\r]/g, '\\$&');
}

function escapeText(text: string): string {
  return text.replace(/["\\\n\r]/g, '\\$&');
}

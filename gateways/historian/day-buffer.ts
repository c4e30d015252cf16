import type { Frame } from '../../actors/frame.ts';
import { MAX_POINTS, Strip } from './strip.ts';

/** Sets of points that one entity reports together. More than so many, and it reports whatever changed: then each goes alone. */
const MAX_LAYOUTS = 4;

interface Layout {
  points: readonly string[];
  readonly strips: readonly Strip[];
}

interface EntityStrips {
  readonly layouts: Layout[];
  readonly single: Map<string, Strip>;
}

/** What was read from the log for one day and is not in the day's file yet. */
export class DayBuffer {
  readonly #entities = new Map<string, EntityStrips>();
  /** Values and instants held, the measure of memory. */
  #cells = 0;

  get cells(): number {
    return this.#cells;
  }

  /** A frame whose readings are all of one instant. */
  add(entity: string, timeMs: number, frame: Frame): void {
    const strips = this.#entity(entity);
    const layout = layoutOf(entity, strips, frame.points);
    if (layout === undefined) {
      for (let index = 0; index < frame.points.length; index++) this.addSingle(entity, timeMs, frame, index);
      return;
    }
    for (let index = 0; index < layout.strips.length; index++)
      layout.strips[index]?.push(timeMs, frame, index * MAX_POINTS);
    this.#cells += frame.points.length + layout.strips.length;
  }

  /** One reading of a frame, where they differ in their instants. */
  addSingle(entity: string, timeMs: number, frame: Frame, index: number): void {
    const point = frame.points[index];
    if (point === undefined) return;
    const { single } = this.#entity(entity);
    let strip = single.get(point);
    if (!strip) {
      strip = new Strip(entity, [point]);
      single.set(point, strip);
    }
    strip.push(timeMs, frame, index);
    this.#cells += 2;
  }

  *strips(): Generator<Strip> {
    for (const { layouts, single } of this.#entities.values()) {
      for (const layout of layouts) yield* layout.strips;
      yield* single.values();
    }
  }

  /** Strips with samples of a series, and which of their points it is. */
  stripsOf(entity: string, series: string): { readonly strip: Strip; readonly point: number }[] {
    const found: { strip: Strip; point: number }[] = [];
    const strips = this.#entities.get(entity);
    for (const layout of strips?.layouts ?? []) {
      for (const strip of layout.strips) {
        const point = strip.points.indexOf(series);
        if (point >= 0 && strip.rows > 0) found.push({ strip, point });
      }
    }
    const strip = strips?.single.get(series);
    if (strip) found.push({ strip, point: 0 });
    return found;
  }

  #entity(entity: string): EntityStrips {
    let strips = this.#entities.get(entity);
    if (!strips) {
      strips = { layouts: [], single: new Map() };
      this.#entities.set(entity, strips);
    }
    return strips;
  }
}

/** Undefined: the entity has too many layouts already. */
function layoutOf(entity: string, { layouts }: EntityStrips, points: readonly string[]): Layout | undefined {
  for (const layout of layouts) {
    if (layout.points === points) return layout;
    if (samePoints(layout.points, points)) {
      // Frames of one block of the log share their points: the next comparison is by identity.
      layout.points = points;
      return layout;
    }
  }
  if (layouts.length >= MAX_LAYOUTS || points.length === 0) return undefined;
  const strips: Strip[] = [];
  for (let at = 0; at < points.length; at += MAX_POINTS)
    strips.push(new Strip(entity, points.slice(at, at + MAX_POINTS)));
  const layout = { points, strips };
  layouts.push(layout);
  return layout;
}

function samePoints(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

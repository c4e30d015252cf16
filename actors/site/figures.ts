import type { SiteDefinition } from '../../topology/plant.ts';
import { combine, type Part } from '../quality/combined.ts';
import type { SiteView } from '../views.ts';

type KeyFigure = SiteDefinition['keyFigures'][number];

/** By the metric's name and the function, so that the same metric may be summed and averaged. */
export function keyOf({ metric, function: how }: Pick<KeyFigure, 'metric' | 'function'>): string {
  return `${metric}_${how}`;
}

export interface Figures extends Pick<SiteView, 'values' | 'marks'> {}

/**
 * The key figures of a site over its assets, each with a mark where it is not simply good. Marks keep since when they stand.
 *
 * @param seen what each asset that has shown itself brings, by place of the figure
 */
export function figuresOf(
  definition: SiteDefinition,
  seen: readonly (readonly (Part | null)[])[],
  before: Figures,
  nowMs: number,
): Figures {
  const unseen = Math.max(0, definition.assets.length - seen.length);
  const values: Record<string, number | null> = {};
  const marks: Record<string, SiteView['marks'][string]> = {};
  definition.keyFigures.forEach((figure, place) => {
    const key = keyOf(figure);
    const of = seen.flatMap((parts) => parts[place] ?? []);
    const { value, quality, reason, inputs } = combine(figure.function, of, unseen);
    values[key] = value;
    // A site where no asset has the metric has nothing to be in doubt about.
    if (reason === null || of.length + unseen === 0) return;
    const known = before.marks[key];
    const sinceMs = known?.quality === quality && known.reason === reason ? known.sinceMs : nowMs;
    marks[key] = { quality, reason, sinceMs, ...(inputs !== null && { inputs }) };
  });
  return { values, marks };
}

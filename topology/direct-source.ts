import type { AssetDefinition } from './plant.ts';

/** The one point that is a metric, seen in the metric's unit: value × scale + offset, while the link holds. */
export interface DirectSource {
  readonly device: string;
  readonly point: string;
  readonly scale: number;
  readonly offset: number;
  /** `untilMs` not included. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * Where a metric is nothing but one point of one device, its history is that point's: every reading, stored once. Null for
 * what only the asset itself knows: formulas, roll-ups, and which of several sources it went by. A scale that turns the
 * sign round is among them, since it turns the percentiles round too.
 */
export function directSource({ metrics, links }: AssetDefinition, name: string): DirectSource | null {
  const metric = metrics.find((candidate) => candidate.name === name);
  if (metric === undefined || metric.formula !== undefined || metric.rollUp !== undefined) return null;
  const sources = links.flatMap(({ device, validFromMs, validUntilMs, mappings }) =>
    mappings.flatMap(({ metric: target, point, scale, offset }): DirectSource[] => {
      if (target !== name) return [];
      const [fromMs, untilMs] = [validFromMs ?? Number.NEGATIVE_INFINITY, validUntilMs ?? Number.POSITIVE_INFINITY];
      return [{ device, point, scale, offset, fromMs, untilMs }];
    }),
  );
  const [source] = sources;
  return source !== undefined && sources.length === 1 && source.scale > 0 ? source : null;
}

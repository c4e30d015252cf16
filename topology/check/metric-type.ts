import type { AssembledAsset } from '../assembly.ts';
import type { Point } from '../schema/device.ts';

/** What a metric holds, by the points that feed it; null when nothing is known or they disagree. */
export function typeOf(asset: AssembledAsset, metric: string): Point['type'] | null {
  const definition = asset.metrics.get(metric)?.value;
  if (definition === undefined) return null;
  if (definition.formula !== undefined || definition.rollUp !== undefined) return 'number';
  let type: Point['type'] | null = null;
  for (const { device, mappings } of asset.links) {
    for (const mapping of mappings) {
      if (mapping.metric !== metric) continue;
      const found = device?.points.get(mapping.point)?.value.type ?? null;
      if (found === null || (type !== null && type !== found)) return null;
      type = found;
    }
  }
  return type;
}

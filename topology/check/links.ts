import type { AssembledAsset, AssembledLink, Assembly, Mapping } from '../assembly.ts';
import type { Source } from '../source.ts';

/** LNK-01: links that hold for some time, feed something, in the right unit, and do not fight over a metric. */
export function checkLinks(assembly: Assembly, source: Source): void {
  for (const asset of assembly.assets) {
    for (const link of asset.links) {
      checkValidity(link, source);
      checkEffect(asset, link, source);
      for (const mapping of link.mappings) checkUnits(asset, link, mapping, source);
    }
    checkConflicts(asset, source);
  }
}

function checkValidity({ link, entry, validFromMs, validUntilMs }: AssembledLink, source: Source): void {
  if (validFromMs === null || validUntilMs === null || validFromMs < validUntilMs) return;
  source.report({
    at: [...entry.path, 'validUntil'],
    code: 'LINK_VALIDITY',
    message: `the link ends at ${link.validUntil}, not after it begins at ${link.validFrom}`,
  });
}

function checkEffect(asset: AssembledAsset, { link, entry, device, mappings }: AssembledLink, source: Source): void {
  if (mappings.length > 0 || device === null || device.incomplete || asset.incomplete) return;
  source.report({
    at: [...entry.path, 'device'],
    code: 'LINK_WITHOUT_EFFECT',
    severity: 'warning',
    message: `no point of ${link.device} has the name of a metric of ${asset.asset.id}`,
    suggestion: 'say in "metrics" which point is which metric',
  });
}

function checkUnits(asset: AssembledAsset, { link, device }: AssembledLink, mapping: Mapping, source: Source): void {
  const metric = asset.metrics.get(mapping.metric)?.value;
  const point = device?.points.get(mapping.point)?.value;
  // A side without a unit has said nothing that could be contradicted.
  if (!metric || !point || metric.unit === point.unit || metric.unit === '' || point.unit === '') return;
  if (mapping.scale !== 1 || mapping.offset !== 0) return;
  source.report({
    at: mapping.at,
    code: 'UNIT_MISMATCH',
    message: `${metric.name} is in "${metric.unit}", but ${point.name} of ${link.device} comes in "${point.unit}"`,
    suggestion: `${metric.name}: { point: ${point.name}, scale: … }, or the same unit on both sides`,
  });
}

function checkConflicts(asset: AssembledAsset, source: Source): void {
  if (asset.links.length === 0) return;
  const primaries = new Map<string, { link: AssembledLink; mapping: Mapping }[]>();
  for (const link of asset.links) {
    if (link.link.role !== 'primary') continue;
    for (const mapping of link.mappings) {
      const others = primaries.get(mapping.metric) ?? [];
      const rival = others.find((other) => overlap(other.link, link));
      if (rival) {
        source.report({
          at: mapping.at,
          atKey: true,
          code: 'LINK_CONFLICT',
          message: `${mapping.metric} is already fed by ${rival.link.link.device} as primary at the same time`,
          suggestion: 'make one of them role: backup, or limit when they hold with validFrom and validUntil',
        });
      }
      others.push({ link, mapping });
      primaries.set(mapping.metric, others);
    }
  }
  // A primary link whose device cannot be looked at may well be the one that is missed.
  if (asset.links.some(({ device }) => device === null || device.incomplete)) return;
  for (const link of asset.links) {
    if (link.link.role !== 'backup') continue;
    for (const mapping of link.mappings) {
      if (primaries.has(mapping.metric)) continue;
      source.report({
        at: mapping.at,
        atKey: true,
        code: 'BACKUP_WITHOUT_PRIMARY',
        severity: 'warning',
        message: `${mapping.metric} has a backup and no primary link`,
        suggestion: 'role: primary',
      });
    }
  }
}

function overlap(a: AssembledLink, b: AssembledLink): boolean {
  const from = (link: AssembledLink): number => link.validFromMs ?? Number.NEGATIVE_INFINITY;
  const until = (link: AssembledLink): number => link.validUntilMs ?? Number.POSITIVE_INFINITY;
  return from(a) < until(b) && from(b) < until(a);
}

import type { Assembly } from '../assembly.ts';
import { nearest } from '../nearest.ts';
import type { Path, Source } from '../source.ts';
import { typeOf } from './metric-type.ts';
import { unknown } from './references.ts';

/** Time zones that exist, key figures that can be computed. */
export function checkSites(assembly: Assembly, source: Source): void {
  const { head, sites } = assembly.draft;
  if (head) checkTimeZone(source, ['organization', 'timeZone'], head.organization.timeZone);
  const unitsOf = unitsBySite(assembly);
  const complete = assembly.draft.assets.refused.size === 0 && assembly.assets.every((asset) => !asset.incomplete);
  for (const { value: site, path } of sites.entries) {
    checkTimeZone(source, [...path, 'timeZone'], site.timeZone);
    const units = unitsOf.get(site.id) ?? new Map<string, Set<string>>();
    for (const [index, figure] of site.keyFigures.entries()) {
      const at = [...path, 'keyFigures', index];
      const given = units.get(figure.metric);
      if (given === undefined) {
        if (complete) unknown(source, [...at, 'metric'], 'metric', figure.metric, units.keys(), `at site ${site.id}`);
        continue;
      }
      const text = assembly.assets.find(
        (asset) => asset.siteId === site.id && typeOf(asset, figure.metric) === 'string',
      );
      if (text) {
        const message = `${figure.metric} of ${text.asset.id} is a text, and ${figure.function} computes with numbers`;
        source.report({ at: [...at, 'metric'], code: 'FORMULA_TYPE', message });
        continue;
      }
      const other = [...given].filter((unit) => unit !== figure.unit);
      if (other.length > 0) {
        source.report({
          at: [...at, 'unit'],
          code: 'UNIT_MISMATCH',
          message: `"${figure.title}" is shown in "${figure.unit}", but ${figure.metric} comes in "${other.join('", "')}"`,
          suggestion: other.length === 1 && given.size === 1 ? `unit: "${other[0]}"` : 'use metrics of one unit',
        });
      }
    }
  }
}

function unitsBySite(assembly: Assembly): ReadonlyMap<string, Map<string, Set<string>>> {
  const bySite = new Map<string, Map<string, Set<string>>>();
  for (const { siteId, metrics } of assembly.assets) {
    if (siteId === null) continue;
    const units = bySite.get(siteId) ?? new Map<string, Set<string>>();
    bySite.set(siteId, units);
    for (const { value } of metrics.values()) {
      const known = units.get(value.name);
      if (known) known.add(value.unit);
      else units.set(value.name, new Set([value.unit]));
    }
  }
  return bySite;
}

function checkTimeZone(source: Source, at: Path, timeZone: string): void {
  if (isTimeZone(timeZone)) return;
  const near = nearest(timeZone, Intl.supportedValuesOf('timeZone'));
  source.report({
    at,
    code: 'INVALID_TIME_ZONE',
    message: `"${timeZone}" is no IANA time zone`,
    suggestion: near ? `did you mean "${near}"?` : 'for instance Europe/Berlin or UTC',
  });
}

function isTimeZone(name: string): boolean {
  // An offset has no daylight saving time; some versions of Node.js take it all the same.
  if (/^[+-]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

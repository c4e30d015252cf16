import type { AssembledAsset, Assembly } from '../assembly.ts';
import { columnOfIdentifier, type ParsedFormula, parseFormula } from '../formula.ts';
import { nearest } from '../nearest.ts';
import type { Path, Source } from '../source.ts';
import { typeOf } from './metric-type.ts';

/** Every metric can be computed or is fed, from one place. */
export function checkMetrics(assembly: Assembly, source: Source): void {
  const parsed = new Map<string, ParsedFormula>();
  const parse = (text: string): ParsedFormula => {
    const known = parsed.get(text) ?? parseFormula(text);
    parsed.set(text, known);
    return known;
  };
  for (const asset of assembly.assets) {
    checkFormulas(asset, parse, source);
    checkRollUps(assembly, asset, source);
    checkSources(asset, source);
  }
  checkUnusedProfiles(assembly, parse, source);
}

type Parse = (text: string) => ParsedFormula;

function checkFormulas(asset: AssembledAsset, parse: Parse, source: Source): void {
  const reads = new Map<string, readonly string[]>();
  for (const { value: metric, path } of asset.metrics.values()) {
    if (metric.formula === undefined) continue;
    const at = [...path, 'formula'];
    const formula = parse(metric.formula);
    if (!formula.ok) {
      source.report({ at, code: 'FORMULA_SYNTAX', message: formula.message, columnInText: formula.column });
      continue;
    }
    reads.set(metric.name, formula.identifiers);
    for (const name of formula.identifiers) {
      const columnInText = columnOfIdentifier(metric.formula, name);
      if (!asset.metrics.has(name)) {
        if (!asset.incomplete) unknownMetric(source, at, name, asset, columnInText);
      } else if (typeOf(asset, name) === 'string') {
        const message = `${name} of asset ${asset.asset.id} is a text, and a formula computes with numbers`;
        source.report({ at, code: 'FORMULA_TYPE', message, columnInText });
      }
    }
  }
  for (const name of reads.keys()) {
    const cycle = cycleFrom(name, reads);
    const metric = asset.metrics.get(name);
    if (cycle === null || metric === undefined) continue;
    source.report({
      at: [...metric.path, 'formula'],
      code: 'FORMULA_CYCLE',
      message: `${name} depends on itself: ${cycle.join(' -> ')}`,
    });
  }
}

function unknownMetric(source: Source, at: Path, name: string, asset: AssembledAsset, columnInText: number): void {
  const names = [...asset.metrics.keys()];
  const near = nearest(name, names);
  source.report({
    at,
    columnInText,
    code: 'UNKNOWN_REFERENCE',
    message: `no metric "${name}" of asset ${asset.asset.id}`,
    suggestion: near ? `did you mean "${near}"?` : `there are ${names.slice(0, 8).join(', ')}`,
  });
}

/** The way from a metric back to itself, or null. */
function cycleFrom(start: string, reads: ReadonlyMap<string, readonly string[]>): string[] | null {
  const seen = new Set<string>();
  const search = (name: string, way: readonly string[]): string[] | null => {
    for (const next of reads.get(name) ?? []) {
      if (next === start) return [...way, next];
      if (seen.has(next)) continue;
      seen.add(next);
      const found = search(next, [...way, next]);
      if (found) return found;
    }
    return null;
  };
  return search(start, [start]);
}

function checkRollUps(assembly: Assembly, asset: AssembledAsset, source: Source): void {
  for (const { value: metric, path } of asset.metrics.values()) {
    if (metric.rollUp === undefined) continue;
    const { of, function: how } = metric.rollUp;
    const at = [...path, 'rollUp', 'of'];
    const owners = asset.children.filter((child) => child.metrics.has(of));
    if (owners.length === 0) {
      if (asset.children.some((child) => child.incomplete) || assembly.draft.assets.refused.size > 0) continue;
      const known = new Set(asset.children.flatMap((child) => [...child.metrics.keys()]));
      const near = nearest(of, known);
      source.report({
        at,
        code: 'UNKNOWN_REFERENCE',
        message: `no child of ${asset.asset.id} has a metric "${of}"`,
        suggestion: near ? `did you mean "${near}"?` : null,
      });
      continue;
    }
    if (how === 'count') continue;
    const text = owners.find((child) => typeOf(child, of) === 'string');
    if (text) {
      const message = `${of} of ${text.asset.id} is a text, and ${how} computes with numbers`;
      source.report({ at, code: 'FORMULA_TYPE', message, suggestion: 'function: count' });
      continue;
    }
    const foreign = owners.find((child) => child.metrics.get(of)?.value.unit !== metric.unit);
    if (foreign) {
      source.report({
        at: [...path, 'unit'],
        code: 'UNIT_MISMATCH',
        message: `${metric.name} is in "${metric.unit}", but ${of} of ${foreign.asset.id} is in "${foreign.metrics.get(of)?.value.unit}"`,
        suggestion: 'give both the same unit, or convert with a formula in the children',
      });
    }
  }
}

function checkSources(asset: AssembledAsset, source: Source): void {
  const fed = new Set<string>();
  for (const { mappings } of asset.links) {
    for (const { metric: name, at } of mappings) {
      fed.add(name);
      const metric = asset.metrics.get(name)?.value;
      if (metric?.formula === undefined && metric?.rollUp === undefined) continue;
      const other = metric.formula === undefined ? 'a roll-up' : 'a formula';
      source.report({
        at,
        atKey: true,
        code: 'METRIC_SOURCES',
        message: `${name} is computed by ${other} and fed by this link as well`,
        suggestion: 'keep one of them',
      });
    }
  }
  for (const { value: metric, path } of asset.metrics.values()) {
    if (metric.formula !== undefined && metric.rollUp !== undefined) {
      const message = `${metric.name} has a formula and a roll-up`;
      source.report({
        at: [...path, 'rollUp'],
        atKey: true,
        code: 'METRIC_SOURCES',
        message,
        suggestion: 'keep one of them',
      });
    }
  }
  const unsure = asset.incomplete || asset.links.some((link) => link.device === null || link.device.incomplete);
  if (unsure || asset.asset.lifecycle !== 'in_service') return;
  const unfed = [...asset.metrics.values()]
    .filter(({ value }) => value.formula === undefined && value.rollUp === undefined && !fed.has(value.name))
    .map(({ value }) => value.name);
  if (unfed.length > 0) {
    source.report({
      at: [...asset.entry.path, 'id'],
      code: 'METRIC_WITHOUT_SOURCE',
      severity: 'warning',
      message: `nothing feeds ${unfed.join(', ')} of ${asset.asset.id}`,
      suggestion: 'link a device, give a formula, or set lifecycle: planned',
    });
  }
}

/** A profile that no asset uses yet is read for its syntax at least. */
function checkUnusedProfiles(assembly: Assembly, parse: Parse, source: Source): void {
  const used = new Set(assembly.assets.map((asset) => asset.asset.profile));
  for (const { value: profile, path } of assembly.draft.assetProfiles.entries) {
    if (used.has(profile.id)) continue;
    for (const [index, metric] of profile.metrics.entries()) {
      const formula = metric.formula === undefined ? null : parse(metric.formula);
      if (formula === null || formula.ok) continue;
      const at = [...path, 'metrics', index, 'formula'];
      source.report({ at, code: 'FORMULA_SYNTAX', message: formula.message, columnInText: formula.column });
    }
  }
}

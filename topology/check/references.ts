import type { AssembledAsset, Assembly } from '../assembly.ts';
import type { Section } from '../draft.ts';
import { nearest } from '../nearest.ts';
import type { Path, Source } from '../source.ts';

/** Every name of something else leads to something that is in the file. */
export function checkReferences(assembly: Assembly, source: Source): void {
  const { draft } = assembly;
  for (const { asset, entry } of assembly.assets) {
    if (asset.site !== undefined) refer(source, [...entry.path, 'site'], draft.sites, asset.site);
    if (asset.profile !== undefined) refer(source, [...entry.path, 'profile'], draft.assetProfiles, asset.profile);
    if (asset.parent !== undefined) refer(source, [...entry.path, 'parent'], draft.assets, asset.parent);
  }
  for (const { device, entry } of assembly.devices) {
    refer(source, [...entry.path, 'site'], draft.sites, device.site);
    refer(source, [...entry.path, 'connection'], draft.connections, device.connection);
    if (device.profile !== undefined) refer(source, [...entry.path, 'profile'], draft.deviceProfiles, device.profile);
  }
  for (const asset of assembly.assets) {
    checkLinks(assembly, asset, source);
    checkRules(assembly, asset, source);
  }
  for (const { value, path } of draft.assetProfiles.entries) {
    for (const [index, rule] of value.rules.entries()) {
      if (rule.workOrder !== undefined) {
        refer(source, [...path, 'rules', index, 'workOrder'], draft.workOrderTemplates, rule.workOrder);
      }
    }
  }
}

function checkLinks(assembly: Assembly, asset: AssembledAsset, source: Source): void {
  for (const { link, entry, device, mappings } of asset.links) {
    refer(source, [...entry.path, 'device'], assembly.draft.devices, link.device);
    for (const { metric, point, at } of mappings) {
      if (!asset.incomplete && !asset.metrics.has(metric)) {
        unknown(source, at, 'metric', metric, asset.metrics.keys(), `of asset ${asset.asset.id}`, true);
      }
      if (device && !device.incomplete && !device.points.has(point)) {
        const isObject = typeof link.metrics?.[metric] === 'object';
        const pointAt = isObject ? [...at, 'point'] : at;
        unknown(source, pointAt, 'point', point, device.points.keys(), `of device ${device.device.id}`);
      }
    }
  }
}

function checkRules(assembly: Assembly, asset: AssembledAsset, source: Source): void {
  for (const { value: rule, path } of asset.rules.values()) {
    if (rule.metric !== undefined && !asset.incomplete && !asset.metrics.has(rule.metric)) {
      unknown(source, [...path, 'metric'], 'metric', rule.metric, asset.metrics.keys(), `of asset ${asset.asset.id}`);
    }
    if (rule.workOrder !== undefined) {
      refer(source, [...path, 'workOrder'], assembly.draft.workOrderTemplates, rule.workOrder);
    }
  }
}

function refer(source: Source, at: Path, section: Section<{ readonly id: string }>, id: string): void {
  if (!section.has(id)) unknown(source, at, section.word, id, section.ids(), '');
}

/** Reports a name that leads nowhere, with the name that was probably meant. */
export function unknown(
  source: Source,
  at: Path,
  word: string,
  name: string,
  known: Iterable<string>,
  owner: string,
  atKey = false,
): void {
  const names = [...known];
  const near = source.problems.length < MAX_SUGGESTIONS ? nearest(name, names) : null;
  const few = names.length === 0 ? `there is no ${word} yet` : `there are ${names.slice(0, 8).join(', ')}`;
  source.report({
    at,
    atKey,
    code: 'UNKNOWN_REFERENCE',
    message: `no ${word} "${name}"${owner === '' ? '' : ` ${owner}`}`,
    suggestion: near ? `did you mean "${near}"?` : names.length > 8 ? `${few}, …` : few,
  });
}

/** Comparing thousands of wrong names with thousands of right ones would take minutes, and nobody reads that far. */
const MAX_SUGGESTIONS = 300;

import type { Assembly } from '../assembly.ts';
import type { Entry, Section } from '../draft.ts';
import { formatPath, type Path, type Source } from '../source.ts';

/** Each id is given once: ids of a kind across the file, names of metrics and points and ids of rules within their owner. */
export function checkIdentity({ draft }: Assembly, source: Source): void {
  const sections: readonly Section<{ readonly id: string }>[] = [
    draft.sites,
    draft.assetProfiles,
    draft.assets,
    draft.deviceProfiles,
    draft.connections,
    draft.devices,
    draft.workOrderTemplates,
  ];
  for (const section of sections) {
    once(
      source,
      section.entries,
      section.word,
      'id',
      (entry) => entry.value.id,
      (entry) => entry.path,
    );
  }
  for (const owner of [...draft.assetProfiles.entries, ...draft.assets.entries]) {
    within(source, owner, 'metrics', owner.value.metrics, 'metric', 'name', (metric) => metric.name);
    within(source, owner, 'rules', owner.value.rules, 'rule', 'id', (rule) => rule.id);
  }
  for (const owner of [...draft.deviceProfiles.entries, ...draft.devices.entries]) {
    within(source, owner, 'points', owner.value.points, 'point', 'name', (point) => point.name);
  }
}

function within<T>(
  source: Source,
  owner: Entry<unknown>,
  list: string,
  values: readonly T[],
  word: string,
  key: string,
  keyOf: (value: T) => string,
): void {
  if (values.length < 2) return;
  const entries = values.map((value, index) => ({ value, index }));
  once(
    source,
    entries,
    word,
    key,
    ({ value }) => keyOf(value),
    ({ index }) => [...owner.path, list, index],
  );
}

function once<T>(
  source: Source,
  items: readonly T[],
  word: string,
  key: string,
  keyOf: (item: T) => string,
  pathOf: (item: T) => Path,
): void {
  const first = new Map<string, T>();
  for (const item of items) {
    const id = keyOf(item);
    const earlier = first.get(id);
    if (earlier === undefined) {
      first.set(id, item);
      continue;
    }
    source.report({
      at: [...pathOf(item), key],
      code: 'DUPLICATE_ID',
      message: `there is already a ${word} "${id}" at ${formatPath(pathOf(earlier))}`,
      suggestion: `give it another ${key}`,
    });
  }
}

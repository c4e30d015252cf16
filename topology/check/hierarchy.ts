import type { AssembledAsset, Assembly } from '../assembly.ts';
import type { Source } from '../source.ts';

/** AST-01: site, then five levels of assets. */
export const MAX_LEVELS = 5;

export function checkHierarchy(assembly: Assembly, source: Source): void {
  for (const node of assembly.assets) {
    const { asset, entry, parent } = node;
    if (entry.listedUnder !== null && asset.parent !== undefined && asset.parent !== entry.listedUnder) {
      source.report({
        at: [...entry.path, 'parent'],
        code: 'PARENT_CONFLICT',
        message: `it stands among the children of ${entry.listedUnder} and names ${asset.parent} as its parent`,
        suggestion: 'leave out parent, or move the asset',
      });
    }
    if (asset.parent === asset.id || (node.level === 0 && isOnCycle(node))) {
      source.report({
        at: [...entry.path, 'parent'],
        code: 'HIERARCHY_CYCLE',
        message: `${asset.id} is its own ancestor: ${cycleOf(node).join(' -> ')}`,
        suggestion: 'one of them has to be at the top',
      });
      continue;
    }
    if (node.level > MAX_LEVELS) {
      source.report({
        at: [...entry.path, 'id'],
        code: 'HIERARCHY_TOO_DEEP',
        message: `${asset.id} stands on level ${node.level}, and there are ${MAX_LEVELS} at most`,
      });
    }
    checkSite(node, parent, source);
  }
}

function checkSite(node: AssembledAsset, parent: AssembledAsset | null, source: Source): void {
  const { asset, entry, parentId } = node;
  if (parentId === null && asset.site === undefined) {
    source.report({
      at: [...entry.path, 'id'],
      code: 'SITE_MISSING',
      message: `${asset.id} has no parent and names no site`,
      suggestion: 'add "site"',
    });
  }
  if (asset.site !== undefined && parent?.siteId != null && parent.siteId !== asset.site) {
    source.report({
      at: [...entry.path, 'site'],
      code: 'SITE_CONFLICT',
      message: `its parent ${parent.asset.id} belongs to site ${parent.siteId}, not ${asset.site}`,
      suggestion: 'leave out site: it follows from the parent',
    });
  }
}

function isOnCycle(start: AssembledAsset): boolean {
  return cycleOf(start).length > 0;
}

/** Ids from the asset back to itself; empty when it merely hangs below a cycle. */
function cycleOf(start: AssembledAsset): string[] {
  const ids = [start.asset.id];
  const seen = new Set<AssembledAsset>([start]);
  for (let current = start.parent; current !== null; current = current.parent) {
    ids.push(current.asset.id);
    if (current === start) return ids;
    if (seen.has(current)) return [];
    seen.add(current);
  }
  return [];
}

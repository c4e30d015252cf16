import type { Plant } from './plant.ts';
import type { Rule } from './schema/rule.ts';
import { shownAddress } from './shown-address.ts';

/** A rule where it stands in the file: of one asset, or of a profile and so of every asset that is made from it. */
export interface FileRule {
  /** `asset/pump-1:hot`, `profile/pump:hot`: the rule's own id is unique within an asset only. */
  readonly id: string;
  readonly asset: string | null;
  readonly profile: string | null;
  /** With no more of the webhook's address than may be shown. */
  readonly rule: Rule;
  /** Ids of the assets that it holds for; an asset that has one of the same id of its own is not among them. */
  readonly assets: readonly string[];
}

/** All rules of a checked file, each once. */
export function fileRulesOf({ assets, assetProfiles }: Pick<Plant, 'assets' | 'assetProfiles'>): FileRule[] {
  const holders = new Map<Rule, string[]>();
  const own: FileRule[] = [];
  for (const { id, profile, rules } of assets.values()) {
    const ofProfile = new Set(profile === null ? [] : assetProfiles.get(profile)?.rules);
    for (const rule of rules) {
      if (!ofProfile.has(rule)) {
        own.push({ id: `asset/${id}:${rule.id}`, asset: id, profile: null, rule: shown(rule), assets: [id] });
        continue;
      }
      const known = holders.get(rule);
      if (known === undefined) holders.set(rule, [id]);
      else known.push(id);
    }
  }
  const shared = [...assetProfiles.values()].flatMap(({ id, rules }) =>
    rules.map((rule) => ({
      id: `profile/${id}:${rule.id}`,
      asset: null,
      profile: id,
      rule: shown(rule),
      assets: holders.get(rule) ?? [],
    })),
  );
  return [...own, ...shared];
}

function shown(rule: Rule): Rule {
  return rule.webhook === undefined ? rule : { ...rule, webhook: shownAddress(rule.webhook) };
}

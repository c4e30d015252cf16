import type { AssetDefinition } from '../../topology/plant.ts';
import type { Rule } from '../../topology/schema/rule.ts';
import type { RuleAdopted, RuleDropped } from './events.ts';

/**
 * Rules that were made over the API and that this asset has taken over, by id. The rule's own actor is the one who decides; of
 * each rule the asset keeps what it was told last, by revision, so that what arrives twice or late changes nothing.
 */
export type AdoptedRules = ReadonlyMap<string, AdoptedRule>;

export interface AdoptedRule {
  readonly revision: number;
  /** Since this revision it has judged readings as it does now: delays that began under another condition count no more. */
  readonly judgesSince: number;
  /** Null: it was dropped, and a copy that is still under way is to find no place. */
  readonly rule: Rule | null;
  readonly profile: string | null;
  /** The cell where it was made, where that is another one; revisions of two cells say nothing of each other. */
  readonly from?: string;
  readonly atMs: number;
}

export const NO_RULES: AdoptedRules = new Map();

/** What was dropped is remembered for as long as something older could be under way at the very worst. */
const DROPPED_KEPT_MS = 30 * 86_400_000;

/** All rules of an asset, those that are switched off among them. The file comes first: it is what stands on paper. */
export function rulesInForce(definition: AssetDefinition, adopted: AdoptedRules): readonly Rule[] {
  if (adopted.size === 0) return definition.rules;
  const ofFile = new Set(definition.rules.map(({ id }) => id));
  const made = [...adopted.values()].flatMap(({ rule }) => (rule === null || ofFile.has(rule.id) ? [] : [rule]));
  return made.length === 0 ? definition.rules : [...definition.rules, ...made];
}

export function evolveAdopted(rules: AdoptedRules, event: RuleAdopted | RuleDropped): AdoptedRules {
  const { atMs, revision } = event;
  const rule = event.kind === 'RuleAdopted' ? event.rule : null;
  const id = event.kind === 'RuleAdopted' ? event.rule.id : event.id;
  const profile = event.kind === 'RuleAdopted' ? event.profile : null;
  const next = new Map(
    [...rules].filter(([, { rule: kept, atMs: keptMs }]) => kept !== null || atMs - keptMs < DROPPED_KEPT_MS),
  );
  const known = rules.get(id);
  const isSame = known !== undefined && rule !== null && known.rule !== null && judgesAs(known.rule, rule);
  return next.set(id, {
    revision,
    judgesSince: isSame ? known.judgesSince : revision,
    rule,
    profile,
    atMs,
    ...fromOf(event),
  });
}

export function fromOf({ from }: { readonly from?: string | undefined }): { readonly from?: string } {
  return from === undefined ? {} : { from };
}

function judgesAs(before: Rule, after: Rule): boolean {
  return judgement(before) === judgement(after);
}

function judgement({ metric, when, deadband, active }: Rule): string {
  return JSON.stringify([metric, when, deadband, active]);
}

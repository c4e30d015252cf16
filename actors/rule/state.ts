import type { Rule } from '../../topology/schema/rule.ts';
import type { RuleEvent, RuleScope } from './events.ts';

/** Everything that is known of one rule id: it can be deleted and made again. Plain objects, as a snapshot carries them. */
export interface RuleFile {
  readonly revision: number;
  /** Null: it was deleted, or never was. */
  readonly made: MadeRule | null;
  /** Who has not confirmed yet what it was told last, adopting or dropping, and the revision of it. */
  readonly unconfirmed: Readonly<Record<string, number>>;
  /** Assets that left the file while they had the rule, or may have had it: should they come back, they are told what is true then. */
  readonly absent: readonly string[];
  /** How often they were told again, and when they are told next; null: everybody has confirmed. */
  readonly again: { readonly atMs: number; readonly times: number } | null;
  readonly endedAtMs: number | null;
}

export interface MadeRule {
  readonly scope: RuleScope;
  readonly rule: Rule;
  /** Ids of the assets that have it, or are to have it. */
  readonly assets: readonly string[];
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly changedAtMs: number;
  readonly changedBy: string;
}

export const NO_RULE: RuleFile = { revision: 0, made: null, unconfirmed: {}, absent: [], again: null, endedAtMs: null };

/** The runtime itself tries for a minute or two. */
const FIRST_AGAIN_MS = 180_000;
const LONGEST_AGAIN_MS = 3_600_000;

export function evolve(file: RuleFile, event: RuleEvent): RuleFile {
  switch (event.kind) {
    case 'RuleCreated':
    case 'RuleChanged': {
      const { scope, rule, assets, atMs, by, revision } = event;
      const { createdAtMs, createdBy } = file.made ?? { createdAtMs: atMs, createdBy: by };
      const made = { scope, rule, assets, createdAtMs, createdBy, changedAtMs: atMs, changedBy: by };
      const dropped = (file.made?.assets ?? []).filter((asset) => !assets.includes(asset));
      return { ...told(file, [...assets, ...dropped], revision, atMs), made, endedAtMs: null };
    }
    case 'RuleDeleted': {
      const { revision, atMs } = event;
      return { ...told(file, file.made?.assets ?? [], revision, atMs), made: null, endedAtMs: atMs };
    }
    case 'RuleReassigned':
      return reassigned(file, event);
    case 'RuleConfirmed': {
      const { [event.asset]: _, ...unconfirmed } = file.unconfirmed;
      return { ...file, unconfirmed, again: isEmpty(unconfirmed) ? null : file.again };
    }
    case 'RuleToldAgain': {
      const times = (file.again?.times ?? 0) + 1;
      const pauseMs = Math.min(FIRST_AGAIN_MS * 2 ** times, LONGEST_AGAIN_MS);
      return { ...file, again: { atMs: event.atMs + pauseMs, times } };
    }
    default:
      return unreachable(event);
  }
}

function reassigned(file: RuleFile, event: Extract<RuleEvent, { kind: 'RuleReassigned' }>): RuleFile {
  const { added, removed, gone, revision, atMs } = event;
  const left = new Set([...removed, ...gone]);
  const { made } = file;
  const unconfirmed = Object.fromEntries(Object.entries(file.unconfirmed).filter(([asset]) => !gone.includes(asset)));
  const back = new Set([...added, ...removed]);
  const absent = [...new Set([...file.absent, ...gone])].filter((asset) => !back.has(asset));
  const next = told({ ...file, unconfirmed, absent }, [...back], revision, atMs);
  if (made === null) return next;
  return { ...next, made: { ...made, assets: [...made.assets.filter((asset) => !left.has(asset)), ...added] } };
}

function told(file: RuleFile, assets: readonly string[], revision: number, atMs: number): RuleFile {
  const unconfirmed = { ...file.unconfirmed, ...Object.fromEntries(assets.map((asset) => [asset, revision])) };
  const again = isEmpty(unconfirmed) ? null : { atMs: atMs + FIRST_AGAIN_MS, times: 0 };
  return { ...file, revision, unconfirmed, again };
}

function isEmpty(record: Readonly<Record<string, unknown>>): boolean {
  for (const _ in record) return false;
  return true;
}

function unreachable(event: never): never {
  throw new Error(`not an event of a rule: ${JSON.stringify(event)}`);
}

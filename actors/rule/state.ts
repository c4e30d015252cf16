import type { Rule } from '../../topology/schema/rule.ts';
import type { RuleEvent, RuleScope } from './events.ts';

/** Everything that is known of one rule id: it can be deleted and made again. Plain objects, as a snapshot carries them. */
export interface RuleFile {
  readonly revision: number;
  /** Null: it was deleted, or never was. */
  readonly made: MadeRule | null;
  /** Who was told to adopt or to drop it and has not confirmed yet, and the revision of that. */
  readonly unconfirmed: Readonly<Record<string, number>>;
  /** Who is to be told once others have confirmed: everybody at once would be a burst on the whole node. */
  readonly waiting: readonly string[];
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

export const NO_RULE: RuleFile = {
  revision: 0,
  made: null,
  unconfirmed: {},
  waiting: [],
  absent: [],
  again: null,
  endedAtMs: null,
};

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
      const { [event.asset]: _, ...rest } = file.unconfirmed;
      const next = turnOf({ ...file, unconfirmed: rest }, event.next);
      return { ...next, again: isEmpty(next.unconfirmed) ? null : file.again };
    }
    case 'RuleToldAgain': {
      const times = (file.again?.times ?? 0) + 1;
      const pauseMs = Math.min(FIRST_AGAIN_MS * 2 ** times, LONGEST_AGAIN_MS);
      return { ...turnOf(file, event.next), again: { atMs: event.atMs + pauseMs, times } };
    }
    default:
      return unreachable(event);
  }
}

function reassigned(file: RuleFile, event: Extract<RuleEvent, { kind: 'RuleReassigned' }>): RuleFile {
  const { added, removed, gone, revision, atMs } = event;
  const left = new Set([...removed, ...gone]);
  const { made } = file;
  const isThere = (asset: string) => !gone.includes(asset);
  const unconfirmed = Object.fromEntries(Object.entries(file.unconfirmed).filter(([asset]) => isThere(asset)));
  const waiting = file.waiting.filter(isThere);
  const back = new Set([...added, ...removed]);
  const absent = [...new Set([...file.absent, ...gone])].filter((asset) => !back.has(asset));
  const next = told({ ...file, unconfirmed, waiting, absent }, [...back], revision, atMs);
  if (made === null) return next;
  return { ...next, made: { ...made, assets: [...made.assets.filter((asset) => !left.has(asset)), ...added] } };
}

/** Those who have not answered yet to what was said before are told anew at once, the others in their turn. */
function told(file: RuleFile, assets: readonly string[], revision: number, atMs: number): RuleFile {
  const unconfirmed: Record<string, number> = { ...file.unconfirmed };
  const queue = new Set(file.waiting);
  for (const asset of assets) {
    if (Object.hasOwn(unconfirmed, asset)) unconfirmed[asset] = revision;
    else queue.add(asset);
  }
  const all = { ...file, revision, unconfirmed, waiting: [...queue] };
  const next = turnOf(all, nextOf(all));
  return { ...next, again: isEmpty(next.unconfirmed) ? null : { atMs: atMs + FIRST_AGAIN_MS, times: 0 } };
}

/** So many are told at once. */
const AT_ONCE = 100;

/** Whose turn it is as soon as `free` of those who were told need not be waited for. */
export function nextOf({ unconfirmed, waiting }: RuleFile, free = 0): readonly string[] {
  return waiting.slice(0, Math.max(0, AT_ONCE + free - Object.keys(unconfirmed).length));
}

function turnOf(file: RuleFile, next: readonly string[]): RuleFile {
  if (next.length === 0) return file;
  const unconfirmed = { ...file.unconfirmed, ...Object.fromEntries(next.map((asset) => [asset, file.revision])) };
  return { ...file, unconfirmed, waiting: file.waiting.slice(next.length) };
}

function isEmpty(record: Readonly<Record<string, unknown>>): boolean {
  for (const _ in record) return false;
  return true;
}

function unreachable(event: never): never {
  throw new Error(`not an event of a rule: ${JSON.stringify(event)}`);
}

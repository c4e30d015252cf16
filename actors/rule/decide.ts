import { accept, type Decision, type Rejection, reject, type Turn } from '../../runtime/actor-kind.ts';
import { nameOf } from '../../runtime/ids.ts';
import type { Json } from '../../runtime/json.ts';
import { sameJson } from '../../runtime/same-json.ts';
import { Rule } from '../../topology/schema/rule.ts';
import type { RuleChanges, RuleCommand } from './commands.ts';
import type { RuleEvent, RuleScope } from './events.ts';
import { assetsIn, misfitOf, type RuleGround } from './fit.ts';
import { type MadeRule, nextOf, type RuleFile } from './state.ts';

type Of<Kind extends RuleCommand['kind']> = Extract<RuleCommand, { kind: Kind }>;

export function decide(file: RuleFile, command: RuleCommand, turn: Turn<RuleGround>): Decision<RuleEvent> {
  switch (command.kind) {
    case 'CreateRule':
      return create(file, command, turn);
    case 'ChangeRule':
      return file.made === null ? missing(turn) : change(file, file.made, command.changes, turn);
    case 'DeleteRule':
      if (file.made === null) return missing(turn);
      return accept([{ kind: 'RuleDeleted', atMs: turn.nowMs, by: turn.by.user, revision: file.revision + 1 }]);
    case 'ConfirmRule':
      return accept(confirm(file, command, turn.nowMs));
    default:
      return unreachable(command);
  }
}

/** After every recovery: the topology file may have changed since. */
export function reconcile(
  { made, revision, unconfirmed, waiting, absent }: RuleFile,
  turn: Turn<RuleGround>,
): RuleEvent[] {
  const ground = turn.definition;
  const had = new Set(made?.assets);
  const wanted = new Set(made === null ? [] : assetsIn(made.scope, ground));
  const isThere = (asset: string) => ground.assets.has(asset);
  const added = [...wanted].filter((asset) => !had.has(asset));
  const left = [...had].filter((asset) => !wanted.has(asset));
  const back = absent.filter((asset) => isThere(asset) && !wanted.has(asset));
  const removed = [...left.filter(isThere), ...back];
  const gone = [...new Set([...left, ...Object.keys(unconfirmed), ...waiting])].filter((asset) => !isThere(asset));
  if (added.length + removed.length + gone.length === 0) return [];
  return [{ kind: 'RuleReassigned', atMs: turn.nowMs, revision: revision + 1, added, removed, gone }];
}

function create(file: RuleFile, command: Of<'CreateRule'>, turn: Turn<RuleGround>): Decision<RuleEvent> {
  const id = nameOf(turn.id);
  if (file.made !== null) return reject('ALREADY_EXISTS', `there is a rule ${id} already`, 'id');
  const scope = scopeOf(command);
  if (scope === null) return reject('RULE_SCOPE', 'a rule is for one asset or for one profile', 'entityId');
  const rule = Rule.safeParse({ ...command.rule, id });
  if (!rule.success) return malformed(rule.error.issues[0]);
  const misfit = misfitOf(rule.data, scope, turn.definition);
  if (misfit !== undefined) return misfit;
  return made('RuleCreated', file, scope, rule.data, turn);
}

function change(file: RuleFile, before: MadeRule, changes: RuleChanges, turn: Turn<RuleGround>): Decision<RuleEvent> {
  const { entityId, profile, ...members } = changes;
  const scope = entityId === undefined && profile === undefined ? before.scope : scopeOf(changes);
  if (scope === null) return reject('RULE_SCOPE', 'a rule is for one asset or for one profile', 'entityId');
  const merged = Object.entries({ ...before.rule, ...members }).filter(
    ([, value]) => value !== null && value !== undefined,
  );
  const rule = Rule.safeParse(Object.fromEntries(merged));
  if (!rule.success) return malformed(rule.error.issues[0]);
  if (sameJson(plain(rule.data), plain(before.rule)) && sameJson(scope, before.scope))
    return accept([], resultOf(file.revision, before.assets));
  const misfit = misfitOf(rule.data, scope, turn.definition);
  // What no longer fits, since the file has changed, can still be switched off.
  if (misfit !== undefined && rule.data.active) return misfit;
  return made('RuleChanged', file, scope, rule.data, turn);
}

function made(
  kind: 'RuleCreated' | 'RuleChanged',
  file: RuleFile,
  scope: RuleScope,
  rule: Rule,
  { nowMs, by, definition }: Turn<RuleGround>,
): Decision<RuleEvent> {
  const revision = file.revision + 1;
  const assets = assetsIn(scope, definition);
  const event = { kind, atMs: nowMs, by: by.user, revision, scope, rule, assets };
  return accept([event], resultOf(revision, assets));
}

function resultOf(revision: number, assets: readonly string[]) {
  return { revision, assets: assets.length };
}

function confirm(file: RuleFile, { asset, revision }: Of<'ConfirmRule'>, atMs: number): RuleEvent[] {
  const { unconfirmed } = file;
  const wanted = Object.hasOwn(unconfirmed, asset) ? unconfirmed[asset] : undefined;
  if (wanted === undefined || revision < wanted) return [];
  return [{ kind: 'RuleConfirmed', atMs, asset, revision, next: nextOf(file, 1) }];
}

function scopeOf({ entityId, profile }: Pick<RuleChanges, 'entityId' | 'profile'>): RuleScope | null {
  if (entityId !== undefined) return profile === undefined ? { asset: entityId.slice('asset/'.length) } : null;
  return profile === undefined ? null : { profile };
}

/** Somebody who means a rule of the file learns where it is changed. */
function missing({ id, definition }: Turn<RuleGround>): Rejection {
  const name = nameOf(id);
  for (const asset of definition.assets.values()) {
    if (!asset.rules.some((rule) => rule.id === name)) continue;
    return reject('RULE_OF_FILE', `the rule ${name} of ${asset.id} stands in the topology file: change it there`, 'id');
  }
  return reject('NOT_FOUND', `there is no rule ${name} that was made over the API`);
}

function malformed(issue: { readonly path: readonly PropertyKey[]; readonly message: string } | undefined): Rejection {
  return reject('INVALID_COMMAND', issue?.message ?? 'not a rule', issue?.path.join('.') || 'rule');
}

/** Without members that are there and undefined. */
function plain(rule: Rule): Json {
  return JSON.parse(JSON.stringify(rule));
}

function unreachable(command: never): never {
  throw new Error(`not a command of a rule: ${JSON.stringify(command)}`);
}

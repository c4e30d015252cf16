import type { ActorKind, Effect, Self, View } from '../../runtime/actor-kind.ts';
import { type EntityId, entityId, nameOf } from '../../runtime/ids.ts';
import type { Json } from '../../runtime/json.ts';
import { RuleCommand } from './commands.ts';
import { decide, reconcile } from './decide.ts';
import type { RuleEvent } from './events.ts';
import type { RuleGround } from './fit.ts';
import { evolve, type MadeRule, NO_RULE, nextOf, type RuleFile } from './state.ts';
import { ruleView } from './view.ts';

/**
 * One rule that was made over the API, `rule/<id>`, beside those of the topology file. It judges no reading: it tells every
 * asset that it is for, and the asset adopts it among its own and evaluates it as those of the file.
 *
 * Invariants: what an asset is told carries a revision that only rises, so that nothing which comes late or twice changes
 * anything; who has not confirmed is told again, however long that takes; when the topology file has changed, those who are new
 * get the rule and those who are no longer meant lose it. A rule that is deleted ends its alarms, as one does that leaves the file.
 */
export const ruleKind: ActorKind<RuleFile, RuleCommand, RuleEvent, never, never, RuleGround> = {
  name: 'rule',
  command: RuleCommand,
  permission: ({ kind }) => (kind === 'ConfirmRule' ? 'internal' : 'rule:manage'),
  initial: () => NO_RULE,
  decide,
  evolve,
  reconcile,

  nextDueMs: ({ again }) => again?.atMs,
  due(file, { nowMs }) {
    if (file.again === null || file.again.atMs > nowMs) return [];
    const silent = Object.keys(file.unconfirmed);
    return [{ kind: 'RuleToldAgain', atMs: nowMs, assets: silent, next: nextOf(file, silent.length) }];
  },

  effects,
  describe: ({ made, unconfirmed, waiting }) =>
    made === null
      ? null
      : {
          name: made.rule.name,
          active: made.rule.active,
          unconfirmed: Object.keys(unconfirmed).length + waiting.length,
        },
  // An interface has no index signature, though all that it holds is Json.
  view: (file, { definition }) => (ruleView(file, definition) ?? {}) as unknown as View,

  passivateAfterMs: 600_000,
  retiresAtMs: ({ endedAtMs, again, absent }) =>
    endedAtMs === null || again !== null || absent.length > 0 ? undefined : endedAtMs,
};

function effects(event: RuleEvent, after: RuleFile, { id }: Self<RuleGround>): readonly Effect[] {
  switch (event.kind) {
    case 'RuleCreated':
    case 'RuleChanged':
    case 'RuleDeleted':
    case 'RuleReassigned': {
      const concerned = Object.entries(after.unconfirmed).filter(([, revision]) => revision === event.revision);
      const told = concerned.map(([asset]) => asset);
      const { revision, made } = after;
      const note: Json = { kind: 'NoteRule', rule: nameOf(id), revision, scope: made === null ? null : made.scope };
      return [...tellings(told, after, id, false), { kind: 'tell', to: ORDER_BOOK, command: note }];
    }
    case 'RuleToldAgain':
      return [...tellings(event.assets, after, id, true), ...tellings(event.next, after, id, false)];
    case 'RuleConfirmed':
      return tellings(event.next, after, id, false);
    default:
      return unreachable(event);
  }
}

const ORDER_BOOK = entityId('order-book', 'main');

const NOBODY: ReadonlySet<string> = new Set();
const holders = new WeakMap<MadeRule, ReadonlySet<string>>();

/** Asked for with every confirmation of thousands. */
function holdersOf(made: MadeRule): ReadonlySet<string> {
  let known = holders.get(made);
  if (known === undefined) {
    known = new Set(made.assets);
    holders.set(made, known);
  }
  return known;
}

/** Always what is true now: an asset that missed a revision needs it no more. */
function tellings(assets: readonly string[], { made, revision }: RuleFile, id: EntityId, again: boolean): Effect[] {
  if (assets.length === 0) return [];
  const meant = made === null ? NOBODY : holdersOf(made);
  const profile = made !== null && 'profile' in made.scope ? made.scope.profile : null;
  return assets.map((asset) => {
    const command: Json =
      made !== null && meant.has(asset)
        ? { kind: 'AdoptRule', rule: made.rule as unknown as Json, profile, revision, again }
        : { kind: 'DropRule', id: nameOf(id), revision, again };
    return { kind: 'tell', to: entityId('asset', asset), command };
  });
}

function unreachable(event: never): never {
  throw new Error(`not an event of a rule: ${JSON.stringify(event)}`);
}

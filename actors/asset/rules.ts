import { accept, type Decision, reject } from '../../runtime/actor-kind.ts';
import type { AssetDefinition } from '../../topology/plant.ts';
import { AlarmViews, endOrphans } from '../alarm/book.ts';
import { createTimers } from '../alarm/evaluate.ts';
import { type AdoptedRules, evolveAdopted, fromOf, rulesInForce } from './adopted.ts';
import type { AdoptRule, DropRule } from './commands.ts';
import type { AssetEvent, RuleAdopted, RuleDropped } from './events.ts';
import { layoutOf } from './layout.ts';
import type { AssetDecided, AssetLive } from './state.ts';

/**
 * Brings what the hot path goes by in line with the rules that were decided. It follows from them alone, so it does not matter
 * when it happens, as long as it is before they are asked for anything; where nothing has changed it costs one comparison.
 */
export function syncRules({ rules }: AssetDecided, live: AssetLive): void {
  if (live.adopted === rules) return;
  const { adopted: before, layout, timers } = live;
  const { definition } = layout;
  live.adopted = rules;
  live.layout = layoutOf(definition, rulesInForce(definition, rules));
  live.timers = createTimers(live.layout.rules.length);
  live.holder = { ...live.holder, rules: live.layout.allRules };
  live.alarmViews = new AlarmViews();
  for (const { rule, index } of live.layout.rules) {
    const known = layout.ruleById.get(rule.id);
    const isSame = known?.rule === rule || before.get(rule.id)?.judgesSince === rules.get(rule.id)?.judgesSince;
    if (known === undefined || !isSame) continue;
    live.timers.onSinceMs[index] = timers.onSinceMs[known.index] ?? Number.NaN;
    live.timers.offSinceMs[index] = timers.offSinceMs[known.index] ?? Number.NaN;
  }
}

/** As many as the file may give it, and no more: each is judged with every reading of its metric. */
const MAX_ADOPTED = 500;

/** Alarms whose rule is gone or switched off, or has lost its metric, end. */
export function endOfOrphans(decided: AssetDecided, definition: AssetDefinition, nowMs: number): AssetEvent[] {
  const metrics = new Set(definition.metrics.map(({ name }) => name));
  const rules = rulesInForce(definition, decided.rules).map(({ id, active, when, metric = '' }) => ({
    id,
    active: active && (when === 'deviceLost' || metrics.has(metric)),
  }));
  return endOrphans(decided.alarms, rules, nowMs);
}

export function decideAdopted(
  decided: AssetDecided,
  command: AdoptRule | DropRule,
  definition: AssetDefinition,
  atMs: number,
): Decision<AssetEvent> {
  const { revision, again } = command;
  const id = command.kind === 'AdoptRule' ? command.rule.id : command.id;
  const told = decided.rules.get(id);
  if (told?.rule && told.from !== command.from) {
    const text = `${definition.id} has a rule ${id} that was made in ${told.from ?? 'its own cell'}: choose another id`;
    return reject('RULE_ID_TAKEN', text, 'id');
  }
  const known = told?.from === command.from ? told : undefined;
  if (known !== undefined && (known.revision > revision || (known.revision === revision && !again))) return accept([]);
  if (command.kind === 'AdoptRule' && !known?.rule && countOf(decided.rules) >= MAX_ADOPTED)
    return reject('TOO_MANY_RULES', `${definition.id} has ${MAX_ADOPTED} rules of the API already`);
  const event: RuleAdopted | RuleDropped =
    command.kind === 'AdoptRule'
      ? { kind: 'RuleAdopted', atMs, revision, rule: command.rule, profile: command.profile, ...fromOf(command) }
      : { kind: 'RuleDropped', atMs, revision, id, ...fromOf(command) };
  const after = { ...decided, rules: evolveAdopted(decided.rules, event) };
  return accept([event, ...endOfOrphans(after, definition, atMs)]);
}

function countOf(adopted: AdoptedRules): number {
  let count = 0;
  for (const { rule } of adopted.values()) if (rule !== null) count++;
  return count;
}

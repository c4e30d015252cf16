import type { Turn } from '../../runtime/actor-kind.ts';
import type { AssetDefinition } from '../../topology/plant.ts';
import { type AlarmBook, evolveBook, expireShelves, shelfDueMs } from '../alarm/book.ts';
import { type CompiledRule, decideRule, forgetDelays, noteVerdict, ruleDueMs } from '../alarm/evaluate.ts';
import type { AlarmEvent } from '../alarm/events.ts';
import { lossDueMs } from '../alarm/loss.ts';
import { START_GRACE_MS } from '../live-values.ts';
import { isUnfitToJudge } from '../quality/combined.ts';
import { decideLostRules } from './decide.ts';
import { hiddenBy, lossOf } from './devices.ts';
import { closeWindowsOf } from './metrics.ts';
import { syncRules } from './rules.ts';
import { type AssetDecided, type AssetLive, type AssetState, isUsable } from './state.ts';

/** How long a roll-up may be without a part before its rules say so: children do not show the same instant. */
const ROLL_UP_GRACE_MS = 2000;

/** When something is to happen without a reading: a delay ends, a value becomes stale, a shelved alarm returns. */
export function assetDueMs({ decided, live }: AssetState): number | undefined {
  syncRules(decided, live);
  if (live.rollUpsChanged) return live.nowMs;
  let dueMs = shelfDueMs(decided.alarms);
  for (let place = 0; place < live.staleAtMs.length; place++) {
    if (Number.isNaN(live.staleSinceMs[place])) {
      const staleAtMs = staleAtMsOf(live, place);
      if (staleAtMs < dueMs) dueMs = staleAtMs;
    } else dueMs = Math.min(dueMs, cannotEvaluateDueMs(decided, live, place));
  }
  for (const place of live.layout.rolledUp) dueMs = Math.min(dueMs, unfitRollUpDueMs(decided, live, place));
  for (const rule of live.layout.rules) {
    if (rule.metric >= 0 && canEvaluate(live, rule))
      dueMs = Math.min(dueMs, ruleDueMs(rule, decided.alarms.get(rule.rule.id), live.timers));
  }
  const { lostRules } = live.layout;
  if (lostRules.length > 0) {
    const loss = lossOf(decided, live);
    for (const rule of lostRules)
      dueMs = Math.min(dueMs, lossDueMs(rule, decided.alarms.get(rule.rule.id), live.timers, loss));
  }
  return Number.isFinite(dueMs) ? dueMs : undefined;
}

export function assetDue({ decided, live }: AssetState, turn: Turn<AssetDefinition>): AlarmEvent[] {
  const { nowMs } = turn;
  syncRules(decided, live);
  live.nowMs = nowMs;
  const events: AlarmEvent[] = [];
  expireShelves(decided.alarms, nowMs, live.owner, events);
  // A rule that fires in the same turn must see its alarm off the shelf.
  const seen = events.length === 0 ? decided : { ...decided, alarms: foldBook(decided.alarms, events) };
  noteStale(seen, live, nowMs, events);
  noteRollUps(seen, live, nowMs, events);
  for (const rule of live.layout.rules) {
    if (rule.metric < 0 || !canEvaluate(live, rule)) continue;
    const record = seen.alarms.get(rule.rule.id);
    const value = live.values[rule.metric] ?? null;
    const quality = live.marks[rule.metric]?.quality;
    decideRule(rule, record, live.timers, value, nowMs, live.owner, hiddenBy(seen, live, rule), events, quality);
  }
  decideLostRules(seen, live, nowMs, events);
  return events;
}

function foldBook(book: AlarmBook, events: readonly AlarmEvent[]): AlarmBook {
  return events.reduce(evolveBook, book);
}

/** Its input is neither stale nor BAD, nor partial: what its timers say may be acted upon. */
function canEvaluate(live: AssetLive, rule: CompiledRule): boolean {
  return Number.isNaN(live.staleSinceMs[rule.metric]) && !isUnfitToJudge(live.marks[rule.metric]);
}

/**
 * When a place is stale. One that has no value yet is so when its sources had the time to deliver one: a point that never
 * answers must not look like one that has nothing to say. NaN: nothing is expected, as of an asset that is not in service.
 */
function staleAtMsOf(live: AssetLive, place: number): number {
  const staleAtMs = live.staleAtMs[place] ?? Number.NaN;
  if (!Number.isNaN(staleAtMs) || live.layout.definition.lifecycle !== 'in_service') return staleAtMs;
  let expectedMs = Number.POSITIVE_INFINITY;
  for (const index of live.layout.slotsBehind[place] ?? []) {
    const slot = live.layout.slots[index];
    if (slot === undefined || slot.untilMs <= live.nowMs) continue;
    expectedMs = Math.min(expectedMs, Math.max(live.startedMs, slot.fromMs));
  }
  return expectedMs + Math.max(START_GRACE_MS, live.layout.staleAfterMs[place] ?? 0);
}

function noteStale(decided: AssetDecided, live: AssetLive, nowMs: number, events: AlarmEvent[]): void {
  for (let place = 0; place < live.staleAtMs.length; place++) {
    if (Number.isNaN(live.staleSinceMs[place])) {
      const staleAtMs = staleAtMsOf(live, place);
      if (!(staleAtMs <= nowMs)) continue;
      live.staleSinceMs[place] = staleAtMs;
      closeWindowsOf(live, place, nowMs);
    }
    if (cannotEvaluateDueMs(decided, live, place) > nowMs) continue;
    const mark = live.marks[place];
    sayCannotEvaluate(decided, live, place, mark?.quality === 'BAD' ? mark.reason : 'stale', nowMs, events);
  }
}

function sayCannotEvaluate(
  decided: AssetDecided,
  live: AssetLive,
  place: number,
  reason: string,
  nowMs: number,
  events: AlarmEvent[],
): void {
  for (const rule of live.layout.rulesOf[place] ?? []) {
    if (hasToSaySo(decided, live, rule)) {
      events.push({ kind: 'AlarmCannotEvaluate', rule: rule.rule.id, atMs: nowMs, reason });
    }
  }
}

/** A roll-up does not grow stale: its rules say that they cannot be evaluated when it is BAD or partial for a while. */
function unfitRollUpDueMs(decided: AssetDecided, live: AssetLive, place: number): number {
  const mark = live.marks[place];
  if (!mark || !isUnfitToJudge(mark) || !Number.isNaN(live.staleSinceMs[place])) return Number.POSITIVE_INFINITY;
  const rules = live.layout.rulesOf[place];
  if (rules === undefined || rules.every((rule) => !hasToSaySo(decided, live, rule))) return Number.POSITIVE_INFINITY;
  // Children come up one after another, and their sources after them.
  const sinceMs = Number.isNaN(live.startedMs) ? mark.sinceMs : Math.max(mark.sinceMs, live.startedMs + START_GRACE_MS);
  return sinceMs + ROLL_UP_GRACE_MS;
}

/**
 * When the rules on a stale metric say that they cannot be evaluated; never where the loss of the device explains it. After a
 * start, and after the device is back, the sources get the time that they would have had otherwise: what was missed while
 * this node was down is no news about the plant.
 */
function cannotEvaluateDueMs(decided: AssetDecided, live: AssetLive, place: number): number {
  const rules = live.layout.rulesOf[place];
  if (rules === undefined || rules.every((rule) => !hasToSaySo(decided, live, rule))) return Number.POSITIVE_INFINITY;
  let sinceMs = Number.isNaN(live.startedMs) ? 0 : live.startedMs;
  for (const index of live.layout.slotsBehind[place] ?? []) {
    const known = decided.devices.get(live.layout.slots[index]?.device ?? '');
    if (known?.state === 'online' && known.sinceMs > sinceMs) sinceMs = known.sinceMs;
  }
  return Math.max(staleAtMsOf(live, place), sinceMs + (live.layout.staleAfterMs[place] ?? 0));
}

function hasToSaySo(decided: AssetDecided, live: AssetLive, rule: CompiledRule): boolean {
  const record = decided.alarms.get(rule.rule.id);
  return (record === undefined || record.cannotEvaluate === null) && hiddenBy(decided, live, rule) === null;
}

/** Roll-ups come from live views, outside of any turn that could decide; their rules are judged here. */
function noteRollUps(decided: AssetDecided, live: AssetLive, nowMs: number, events: AlarmEvent[]): void {
  for (const place of live.layout.rolledUp) {
    if (unfitRollUpDueMs(decided, live, place) > nowMs) continue;
    sayCannotEvaluate(decided, live, place, live.marks[place]?.reason ?? 'no_input', nowMs, events);
  }
  if (!live.rollUpsChanged) return;
  live.rollUpsChanged = false;
  for (const place of live.layout.rolledUp) {
    const isUnfit = isUnfitToJudge(live.marks[place]) || !isUsable(live, place);
    const value = live.values[place] ?? null;
    for (const rule of live.layout.rulesOf[place] ?? []) {
      if (isUnfit) {
        // Nobody knows whether the condition holds on through it: delays begin anew.
        forgetDelays(live.timers, rule.index);
        continue;
      }
      noteVerdict(live.timers, rule.index, rule.condition?.judge(value) ?? 'unfit', nowMs);
      const id = rule.rule.id;
      if (decided.alarms.get(id)?.cannotEvaluate) events.push({ kind: 'AlarmEvaluable', rule: id, atMs: nowMs });
    }
  }
}

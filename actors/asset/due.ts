import type { Turn } from '../../runtime/actor-kind.ts';
import type { AssetDefinition } from '../../topology/plant.ts';
import { type AlarmBook, evolveBook, expireShelves, shelfDueMs } from '../alarm/book.ts';
import { type CompiledRule, decideRule, noteVerdict, ruleDueMs } from '../alarm/evaluate.ts';
import type { AlarmEvent } from '../alarm/events.ts';
import { decideLostRules } from './decide.ts';
import { hiddenBy, syncLostTimers } from './devices.ts';
import { closeWindowsOf } from './metrics.ts';
import type { AssetDecided, AssetLive, AssetState } from './state.ts';

/** When something is to happen without a reading: a delay ends, a value becomes stale, a shelved alarm returns. */
export function assetDueMs({ decided, live }: AssetState): number | undefined {
  if (live.rollUpsChanged) return live.nowMs;
  let dueMs = shelfDueMs(decided.alarms);
  for (let place = 0; place < live.staleAtMs.length; place++) {
    const staleAtMs = live.staleAtMs[place] ?? Number.NaN;
    if (Number.isNaN(live.staleSinceMs[place])) {
      if (staleAtMs < dueMs) dueMs = staleAtMs;
    } else dueMs = Math.min(dueMs, cannotEvaluateDueMs(decided, live, place));
  }
  syncLostTimers(decided, live);
  for (const rule of live.layout.rules) {
    if (canEvaluate(live, rule))
      dueMs = Math.min(dueMs, ruleDueMs(rule, decided.alarms.get(rule.rule.id), live.timers));
  }
  return Number.isFinite(dueMs) ? dueMs : undefined;
}

export function assetDue({ decided, live }: AssetState, turn: Turn<AssetDefinition>): AlarmEvent[] {
  const { nowMs } = turn;
  live.nowMs = nowMs;
  const events: AlarmEvent[] = [];
  expireShelves(decided.alarms, nowMs, live.owner, events);
  // A rule that fires in the same turn must see its alarm off the shelf.
  const seen = events.length === 0 ? decided : { ...decided, alarms: foldBook(decided.alarms, events) };
  noteStale(seen, live, nowMs, events);
  noteRollUps(live, nowMs);
  for (const rule of live.layout.rules) {
    if (rule.metric < 0 || !canEvaluate(live, rule)) continue;
    const record = seen.alarms.get(rule.rule.id);
    const value = live.values[rule.metric] ?? null;
    decideRule(rule, record, live.timers, value, nowMs, live.owner, hiddenBy(seen, live, rule), events);
  }
  decideLostRules(seen, live, nowMs, events);
  return events;
}

function foldBook(book: AlarmBook, events: readonly AlarmEvent[]): AlarmBook {
  return events.reduce(evolveBook, book);
}

/** Its input is neither stale nor BAD: what its timers say may be acted upon. */
function canEvaluate(live: AssetLive, rule: CompiledRule): boolean {
  if (rule.metric < 0) return true;
  return Number.isNaN(live.staleSinceMs[rule.metric]) && live.marks[rule.metric]?.quality !== 'BAD';
}

function noteStale(decided: AssetDecided, live: AssetLive, nowMs: number, events: AlarmEvent[]): void {
  for (let place = 0; place < live.staleAtMs.length; place++) {
    const staleAtMs = live.staleAtMs[place] ?? Number.NaN;
    if (Number.isNaN(live.staleSinceMs[place])) {
      if (!(staleAtMs <= nowMs)) continue;
      live.staleSinceMs[place] = staleAtMs;
      closeWindowsOf(live, place, nowMs);
    }
    if (cannotEvaluateDueMs(decided, live, place) > nowMs) continue;
    const mark = live.marks[place];
    const reason = mark?.quality === 'BAD' ? mark.reason : 'stale';
    for (const rule of live.layout.rulesOf[place] ?? []) {
      if (hasToSaySo(decided, live, rule)) {
        events.push({ kind: 'AlarmCannotEvaluate', rule: rule.rule.id, atMs: nowMs, reason });
      }
    }
  }
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
  return Math.max(live.staleAtMs[place] ?? 0, sinceMs + (live.layout.staleAfterMs[place] ?? 0));
}

function hasToSaySo(decided: AssetDecided, live: AssetLive, rule: CompiledRule): boolean {
  const record = decided.alarms.get(rule.rule.id);
  return (record === undefined || record.cannotEvaluate === null) && hiddenBy(decided, live, rule) === null;
}

/** Roll-ups come from live views, outside of any turn that could decide; their rules are judged here. */
function noteRollUps(live: AssetLive, nowMs: number): void {
  if (!live.rollUpsChanged) return;
  live.rollUpsChanged = false;
  for (const place of live.layout.rolledUp) {
    if (live.marks[place]?.quality === 'BAD') continue;
    const value = live.values[place] ?? null;
    for (const rule of live.layout.rulesOf[place] ?? []) {
      noteVerdict(live.timers, rule.index, rule.condition?.judge(value) ?? 'unfit', nowMs);
    }
  }
}

import type { ObservationTurn } from '../../runtime/actor-kind.ts';
import type { AssetDefinition } from '../../topology/plant.ts';
import { decideRule, noteVerdict, ruleDueMs } from '../alarm/evaluate.ts';
import type { AlarmEvent } from '../alarm/events.ts';
import type { Frame, PointValue, Quality } from '../frame.ts';
import { putMark, putValue } from '../live-values.ts';
import { isUnfitToJudge } from '../quality/combined.ts';
import { addReading } from '../window.ts';
import { hiddenBy, isLost } from './devices.ts';
import type { AssetEvent } from './events.ts';
import type { Slot } from './layout.ts';
import { computeFormulas, endWindows, loseValue, takeValue } from './metrics.ts';
import { syncRules } from './rules.ts';
import { type AssetDecided, type AssetLive, type AssetState, isUsable } from './state.ts';

const NONE: readonly AssetEvent[] = [];

/**
 * The hot path: a frame of a linked device. Its time is that at which our gateway received it, for delays and staleness, and
 * the device's own, for order and validity. A reading that is older than the newest of its source, that was under way for
 * too long (a backlog, a retained message) or is historical goes to the history: no rule judges it.
 */
export function observeFrame(
  state: AssetState,
  frame: Frame,
  turn: ObservationTurn<AssetDefinition>,
): readonly AssetEvent[] {
  const { decided, live } = state;
  const layouts = live.plans.get(turn.source);
  if (layouts === undefined) return NONE;
  const plan = layouts.of(frame.points);
  if (plan.length === 0) return NONE;
  syncRules(decided, live);
  // Not our clock: a replay must see the same time.
  live.nowMs = frame.gatewayTimeMs;
  for (let pair = 0; pair < plan.length; pair += 2) {
    const reading = plan[pair] ?? 0;
    const index = plan[pair + 1] ?? 0;
    const slot = live.layout.slots[index];
    if (slot !== undefined) takeReading(decided, live, frame, reading, slot, index);
  }
  computeFormulas(live);
  const events = evaluateTouched(decided, live);
  endWindows(live);
  return events;
}

function takeReading(
  decided: AssetDecided,
  live: AssetLive,
  frame: Frame,
  reading: number,
  slot: Slot,
  index: number,
): void {
  const timeMs = frame.times?.[reading] ?? frame.deviceTimeMs ?? frame.gatewayTimeMs;
  if (timeMs < slot.fromMs || timeMs >= slot.untilMs) return;
  const raw = frame.values[reading] ?? null;
  const quality = frame.quality?.[reading] ?? 'GOOD';
  const newestMs = live.slotTimeMs[index] ?? Number.NaN;
  const isOld = frame.gatewayTimeMs - timeMs > slot.lateAfterMs;
  if (raw === null || quality === 'BAD') {
    // Also before the first reading: a source that was BAD from the start has to say so.
    if (!isOld && !(timeMs < newestMs) && frame.historical !== true && isServing(live, slot, index)) {
      const reason = frame.reasons?.[reading] ?? null;
      // None this time, and nothing against the last one: it stays, in doubt, with the time that it had.
      if (quality !== 'BAD' && quality !== 'GOOD') putMark(live, slot.metric, quality, reason, live.nowMs);
      else loseValue(live, slot.metric, reason, timeMs);
    }
    return;
  }
  const value = typeof raw === 'number' ? raw * slot.scale + slot.offset : raw;
  if (frame.historical === true || timeMs < newestMs) {
    takeLate(live, slot.metric, index, timeMs, value, quality, frame.historical === true);
    return;
  }
  if (timeMs === newestMs) return;
  live.slotTimeMs[index] = timeMs;
  if (isOld) {
    takeLate(live, slot.metric, index, timeMs, value, quality, false);
    if (mayServe(decided, live, slot, index)) showOld(live, frame, reading, slot, index, timeMs, value, quality);
    return;
  }
  if (!mayServe(decided, live, slot, index)) return;
  live.slotOf[slot.metric] = index;
  const staleAtMs = live.nowMs + (live.layout.staleAfterMs[slot.metric] ?? slot.staleAfterMs);
  const reason = frame.reasons?.[reading] ?? null;
  takeValue(live, slot.metric, value, timeMs, frame.gatewayTimeMs, quality, reason, staleAtMs);
}

/** LNK-07: a source of lower rank gives way to a better one that is fresh, and steps in where there is none. */
function mayServe(decided: AssetDecided, live: AssetLive, slot: Slot, index: number): boolean {
  const current = live.slotOf[slot.metric] ?? -1;
  const serving = live.layout.slots[current];
  if (current === index || serving === undefined || slot.rank <= serving.rank) return true;
  return !isUsable(live, slot.metric) || isLost(decided, serving.device);
}

function isServing(live: AssetLive, slot: Slot, index: number): boolean {
  const current = live.slotOf[slot.metric] ?? -1;
  return current === index || (current < 0 && slot.rank === 0);
}

function takeLate(
  live: AssetLive,
  metric: number,
  index: number,
  timeMs: number,
  value: PointValue,
  quality: Quality,
  historical: boolean,
): void {
  const windows = live.windows[metric];
  const isOpen = live.slotOf[metric] === index && live.nowMs < (live.staleAtMs[metric] ?? Number.NaN);
  if (!historical && isOpen && windows && typeof value === 'number') addReading(windows, timeMs, value, quality);
  if (live.layout.isComputed[metric] === 1) live.history.add(metric, timeMs, value, quality, null);
}

/** Where there is nothing fresher, the newest of what is old is shown, stale from the first moment; nothing follows from it. */
function showOld(
  live: AssetLive,
  frame: Frame,
  reading: number,
  { metric, staleAfterMs }: Slot,
  index: number,
  timeMs: number,
  value: PointValue,
  quality: Quality,
): void {
  const shownMs = live.timeMs[metric] ?? Number.NaN;
  const isFresh = live.nowMs < (live.staleAtMs[metric] ?? Number.NaN);
  if (isFresh || timeMs <= shownMs || live.marks[metric]?.quality === 'BAD') return;
  live.slotOf[metric] = index;
  const staleAtMs = timeMs + (live.layout.staleAfterMs[metric] ?? staleAfterMs);
  const reason = frame.reasons?.[reading] ?? null;
  putValue(live, metric, value, timeMs, frame.gatewayTimeMs, staleAtMs, quality, reason, live.nowMs);
  live.staleSinceMs[metric] = staleAtMs;
}

/** Rules of the metrics that have a new value. What was touched is forgotten with it. */
export function evaluateTouched(decided: AssetDecided, live: AssetLive): readonly AssetEvent[] {
  const { layout, touched, timers, nowMs } = live;
  let events: AlarmEvent[] | null = null;
  for (let place = 0; place < touched.length; place++) {
    if (touched[place] === 0) continue;
    const isValue = touched[place] === 1 && !isUnfitToJudge(live.marks[place]);
    touched[place] = 0;
    const rules = layout.rulesOf[place];
    if (!isValue || rules === undefined || rules.length === 0) continue;
    const value = live.values[place] ?? null;
    for (const rule of rules) {
      const verdict = rule.condition?.judge(value) ?? 'unfit';
      if (verdict === 'unfit') continue;
      noteVerdict(timers, rule.index, verdict, nowMs);
      const record = decided.alarms.get(rule.rule.id);
      if (record !== undefined && record.cannotEvaluate !== null) {
        events ??= [];
        events.push({ kind: 'AlarmEvaluable', rule: rule.rule.id, atMs: nowMs });
      }
      if (ruleDueMs(rule, record, timers) > nowMs) continue;
      events ??= [];
      const quality = live.marks[place]?.quality;
      decideRule(rule, record, timers, value, nowMs, live.owner, hiddenBy(decided, live, rule), events, quality);
    }
  }
  return events ?? NONE;
}

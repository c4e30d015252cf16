import type { ObservationTurn } from '../../runtime/actor-kind.ts';
import type { DeviceDefinition } from '../../topology/plant.ts';
import { decideRule, noteVerdict } from '../alarm/evaluate.ts';
import type { AlarmEvent } from '../alarm/events.ts';
import type { Frame } from '../frame.ts';
import { putMark, putValue } from '../live-values.ts';
import { CLOCK_TOLERANCE_MS } from '../quality/judge.ts';
import { COMPILED_CLOCK_RULES } from './clock.ts';
import type { DeviceEvent, ReadingGap } from './events.ts';
import { type DeviceLive, type DeviceState, isDecommissioned } from './state.ts';

const NONE: readonly DeviceEvent[] = [];
/** A device with gaps all the time has one event a minute, which counts the others. */
const GAP_EVENT_INTERVAL_MS = 60_000;

/** Takes its own frame from the log: live values, time of the last sign of life, clock, gaps. */
export function observeFrame(
  state: DeviceState,
  frame: Frame,
  turn: ObservationTurn<DeviceDefinition>,
): readonly DeviceEvent[] {
  if (turn.source !== turn.id || isDecommissioned(state)) return NONE;
  const { decided, live } = state;
  live.frames++;
  if (frame.historical === true) return NONE;
  const nowMs = frame.gatewayTimeMs;
  const timeMs = frame.deviceTimeMs ?? nowMs;
  const usable = takeReadings(live, frame, timeMs, nowMs);
  if (usable === 0 && frame.points.length > 0) return NONE;
  if (!(live.lastSeenMs >= nowMs)) live.lastSeenMs = nowMs;
  if (timeMs < live.frameMs) return NONE;
  const events: DeviceEvent[] = [];
  const { connectivity } = decided;
  if (connectivity.state !== 'online' && nowMs > (connectivity.sinceMs ?? Number.NEGATIVE_INFINITY)) {
    events.push({ kind: 'DeviceOnline', atMs: nowMs, reason: 'data', detail: null });
  }
  const gap = gapBefore(live, turn.definition, timeMs, nowMs);
  if (gap !== null) events.push(gap);
  live.frameMs = timeMs;
  if (frame.points.length > 0) watchClock(state, frame, timeMs, nowMs, events);
  return events;
}

/** @returns how many readings have a value */
function takeReadings(live: DeviceLive, frame: Frame, frameMs: number, nowMs: number): number {
  const plan = live.layouts.of(frame.points);
  const { points } = live.layout;
  let usable = 0;
  for (let i = 0; i < frame.points.length; i++) {
    const place = plan.places[i] ?? -1;
    const point = points[place];
    if (point === undefined) continue;
    const timeMs = frame.times?.[i] ?? frameMs;
    const quality = frame.quality?.[i] ?? 'GOOD';
    const value = frame.values[i] ?? null;
    const hasValue = value !== null && quality !== 'BAD';
    if (hasValue) {
      usable++;
      live.admitted.addReading(place, timeMs, value, quality);
    }
    if (timeMs <= (live.timeMs[place] ?? Number.NaN)) continue;
    const reason = frame.reasons?.[i] ?? null;
    // What was under way for too long is shown with its age: it arrived now, but says nothing of now.
    const isOld = nowMs - timeMs > Math.max(point.staleAfterMs, CLOCK_TOLERANCE_MS);
    if (hasValue) {
      const staleAtMs = (isOld ? timeMs : nowMs) + point.staleAfterMs;
      putValue(live, place, value, timeMs, nowMs, staleAtMs, quality, reason, nowMs);
    } else if (!isOld) putMark(live, place, quality === 'GOOD' ? 'BAD' : quality, reason, nowMs);
  }
  if (frame.times === null && frame.points.length > 0) live.admitted.addFrame(frameMs, plan.hash);
  return usable;
}

function gapBefore(live: DeviceLive, definition: DeviceDefinition, timeMs: number, nowMs: number): ReadingGap | null {
  const { expectedIntervalMs } = definition;
  const actualGapMs = timeMs - live.frameMs;
  if (!(actualGapMs > 2 * expectedIntervalMs)) return null;
  live.gaps++;
  if (nowMs - live.gapReportedMs < GAP_EVENT_INTERVAL_MS) {
    live.gapsNotReported++;
    return null;
  }
  const notReported = live.gapsNotReported;
  live.gapsNotReported = 0;
  live.gapReportedMs = nowMs;
  const missingSamples = Math.max(1, Math.round(actualGapMs / expectedIntervalMs) - 1);
  const between = { fromMs: live.frameMs, untilMs: timeMs };
  return { kind: 'ReadingGap', atMs: nowMs, ...between, expectedIntervalMs, actualGapMs, missingSamples, notReported };
}

function watchClock(
  { decided, live }: DeviceState,
  frame: Frame,
  timeMs: number,
  nowMs: number,
  events: DeviceEvent[],
): void {
  if (frame.skewMs === undefined && frame.reasons?.includes('no_device_time') === true) {
    live.skewMs = Number.NaN;
    return;
  }
  live.skewMs = frame.skewMs ?? nowMs - timeMs;
  const size = Math.abs(live.skewMs);
  for (const rule of COMPILED_CLOCK_RULES) {
    noteVerdict(live.clock, rule.index, rule.condition?.judge(size) ?? 'unfit', nowMs);
    decideRule(
      rule,
      decided.alarms.get(rule.rule.id),
      live.clock,
      live.skewMs,
      nowMs,
      live.owner,
      null,
      events as AlarmEvent[],
    );
  }
}

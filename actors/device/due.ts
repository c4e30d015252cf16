import type { Turn } from '../../runtime/actor-kind.ts';
import type { DeviceDefinition } from '../../topology/plant.ts';
import { expireShelves, shelfDueMs } from '../alarm/book.ts';
import { decideRule, ruleDueMs } from '../alarm/evaluate.ts';
import type { AlarmEvent } from '../alarm/events.ts';
import { isUndecided } from '../alarm/loss.ts';
import { START_GRACE_MS } from '../live-values.ts';
import { COMPILED_CLOCK_RULES } from './clock.ts';
import type { DeviceEvent } from './events.ts';
import { evolveDecided } from './evolve.ts';
import { decideLost, lostDueMs } from './lost.ts';
import { type DeviceState, isDecommissioned } from './state.ts';
import { writesDue, writesDueMs } from './writes.ts';

export function deviceDueMs(state: DeviceState): number | undefined {
  const { decided, live } = state;
  let dueMs = Math.min(shelfDueMs(decided.alarms), silentAtMs(state));
  for (let place = 0; place < live.staleAtMs.length; place++) {
    const staleAtMs = live.staleAtMs[place] ?? Number.NaN;
    if (staleAtMs < dueMs && Number.isNaN(live.staleSinceMs[place])) dueMs = staleAtMs;
  }
  for (const rule of COMPILED_CLOCK_RULES) {
    dueMs = Math.min(dueMs, ruleDueMs(rule, decided.alarms.get(rule.rule.id), live.clock));
  }
  dueMs = Math.min(dueMs, lostDueMs(decided, live));
  dueMs = Math.min(dueMs, writesDueMs(decided));
  return Number.isFinite(dueMs) ? dueMs : undefined;
}

export function deviceDue(state: DeviceState, turn: Turn<DeviceDefinition>): DeviceEvent[] {
  const { decided, live } = state;
  const { nowMs } = turn;
  const alarms: AlarmEvent[] = [];
  expireShelves(decided.alarms, nowMs, live.owner, alarms);
  for (const rule of COMPILED_CLOCK_RULES) {
    decideRule(rule, decided.alarms.get(rule.rule.id), live.clock, live.skewMs, nowMs, live.owner, null, alarms);
  }
  const events: DeviceEvent[] = [...alarms];
  // The loss is judged with what the events before it say: a shelf that has ended, the silence of this very turn.
  if (silentAtMs(state) <= nowMs) events.push(fallenSilent(decided.connectivity, turn));
  const lost: AlarmEvent[] = [];
  decideLost(events.reduce(evolveDecided, decided), live, nowMs, lost);
  events.push(...lost);
  for (let place = 0; place < live.staleAtMs.length; place++) {
    const staleAtMs = live.staleAtMs[place] ?? Number.NaN;
    if (staleAtMs <= nowMs && Number.isNaN(live.staleSinceMs[place])) live.staleSinceMs[place] = staleAtMs;
  }
  events.push(...writesDue(decided, nowMs));
  return events;
}

/** A cause that the driver has named (the broker refuses the connection) says more than that nothing is heard. */
function fallenSilent(
  { state, reason, detail, ofLink }: DeviceState['decided']['connectivity'],
  { nowMs, definition }: Turn<DeviceDefinition>,
): DeviceEvent {
  const silence = `nothing heard for ${definition.offlineAfterMs / 1000} s`;
  if (state !== 'unknown' || reason === 'not_heard_yet' || isUndecided({ state, reason }))
    return { kind: 'DeviceOffline', atMs: nowMs, reason: 'silent', detail: silence };
  const said = detail === null ? silence : `${detail}; ${silence}`;
  const behind = ofLink !== undefined && { ofLink: ofLink.entity };
  return { kind: 'DeviceOffline', atMs: nowMs, reason, detail: said, ...behind };
}

/**
 * DEV-02. Counted from the last sign of life, from the driver's last word that it is connected, and from our own start: what
 * was missed while this node was down, or while the log took nothing, says nothing about the device.
 */
function silentAtMs(state: DeviceState): number {
  const { decided, live } = state;
  const { state: known, sinceMs } = decided.connectivity;
  if (known === 'offline' || isDecommissioned(state)) return Number.POSITIVE_INFINITY;
  const { startedMs, lastSeenMs, logAwaySinceMs, logBackMs } = live;
  if (Number.isNaN(startedMs) || !Number.isNaN(logAwaySinceMs)) return Number.POSITIVE_INFINITY;
  const { offlineAfterMs } = live.layout.definition;
  const lastSignMs = Math.max(
    Number.isNaN(lastSeenMs) ? startedMs : lastSeenMs,
    sinceMs ?? startedMs,
    Number.isNaN(logBackMs) ? startedMs : logBackMs,
  );
  return lastSignMs > startedMs ? lastSignMs + offlineAfterMs : startedMs + Math.max(offlineAfterMs, START_GRACE_MS);
}

import type { PointValue } from '../frame.ts';
import {
  annunciationWhenShown,
  type CompiledRule,
  decideRule,
  type RuleOwner,
  type RuleTimers,
  ruleDueMs,
} from './evaluate.ts';
import type { AlarmEvent } from './events.ts';
import { type AlarmRecord, evolveAlarm, isHeld, normal } from './machine.ts';
import { BEHIND_LINK } from './suppression.ts';

/**
 * Alarms on a lost connection (P-03). A link that is lost takes all its devices with it: one alarm is called out for the link, and
 * those of the devices and of their assets are raised behind it, suppressed by design, so that each is in its list and none is
 * called out for the same cause. What is still lost when the link is back is lost by itself, and is called out then.
 */

/** The rule of the link's own alarm. */
export const CONNECTION_LOST = 'connection-lost';

/** The link is back and the device has not been heard since. */
export const LINK_BACK = 'link_back';

/** Nothing can be said yet: an attempt is under way, or the device has not spoken. What was the matter before still is. */
const UNDECIDED: ReadonlySet<string> = new Set(['connecting', LINK_BACK]);

export function isUndecided({ state, reason }: { readonly state: string; readonly reason: string }): boolean {
  return state === 'unknown' && UNDECIDED.has(reason);
}

/** A link is lost, and its alarm stands for that of whoever is behind it. */
export interface Cover {
  /** Id of that alarm. */
  readonly by: string;
  readonly sinceMs: number;
}

/** What is known of the connection that a rule is about; NaN: not so. */
export interface Loss {
  readonly lostSinceMs: number;
  readonly onlineSinceMs: number;
  /** Lost by itself, and not with a link. */
  readonly ownSinceMs: number;
  readonly cover: Cover | null;
}

/** The timers follow from the loss, so they are set again whenever they are asked for. */
export function noteLoss(rule: CompiledRule, timers: RuleTimers, { lostSinceMs, onlineSinceMs }: Loss): void {
  timers.onSinceMs[rule.index] = lostSinceMs;
  timers.offSinceMs[rule.index] = onlineSinceMs;
}

/** The next instant at which `decideLoss` has something to decide without being told anything. */
export function lossDueMs(rule: CompiledRule, record: AlarmRecord | undefined, timers: RuleTimers, loss: Loss): number {
  noteLoss(rule, timers, loss);
  const dueMs = ruleDueMs(rule, record, timers);
  if (record === undefined || !isHeld(record)) return dueMs;
  const ownMs = orNever(loss.ownSinceMs + rule.durationMs);
  if (record.suppressed?.cause === BEHIND_LINK) return Math.min(dueMs, ownMs);
  if (record.suppressed !== null) return dueMs;
  const coveredMs = coveredFromMs(rule, loss);
  return coveredMs < ownMs ? Math.min(dueMs, coveredMs) : dueMs;
}

export function decideLoss(
  rule: CompiledRule,
  record: AlarmRecord | undefined,
  timers: RuleTimers,
  loss: Loss,
  value: PointValue,
  nowMs: number,
  owner: RuleOwner,
  events: AlarmEvent[],
): void {
  noteLoss(rule, timers, loss);
  const isOwn = nowMs >= loss.ownSinceMs + rule.durationMs;
  const cover = !isOwn && nowMs >= coveredFromMs(rule, loss) ? loss.cover : null;
  const suppression = cover === null ? null : { cause: BEHIND_LINK, by: cover.by };
  const decided: AlarmEvent[] = [];
  decideRule(rule, record, timers, value, nowMs, owner, suppression, decided);
  const id = rule.rule.id;
  const after = decided.reduce(evolveAlarm, record ?? normal(id));
  if (after.suppressed === null) {
    if (suppression !== null && isHeld(after))
      decided.push({ kind: 'AlarmSuppressed', rule: id, atMs: nowMs, ...suppression });
  } else if (after.suppressed.cause === BEHIND_LINK && (isOwn || !isHeld(after))) {
    const annunciation = annunciationWhenShown(after, 'suppressed', owner, nowMs);
    const { autoAckOnClear } = rule.rule;
    decided.push({ kind: 'AlarmUnsuppressed', rule: id, atMs: nowMs, annunciation, autoAckOnClear });
  }
  events.push(...decided);
}

/**
 * From when on another alarm stands for that of this rule. That one has the shortest of the delays of all behind it, so after
 * the delay of this rule it has been called out: the wall is at no time without either.
 */
function coveredFromMs(rule: CompiledRule, { cover }: Loss): number {
  return cover === null || standsAlone(rule.rule) ? Number.POSITIVE_INFINITY : cover.sinceMs + rule.durationMs;
}

/** Nobody else calls the webhook of a rule or opens its work order; and what is only information is in no list. */
function standsAlone({ webhook, workOrder, severity }: CompiledRule['rule']): boolean {
  return webhook !== undefined || workOrder !== undefined || severity === 'INFO';
}

function orNever(atMs: number): number {
  return Number.isNaN(atMs) ? Number.POSITIVE_INFINITY : atMs;
}

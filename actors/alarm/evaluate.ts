import type { Rule } from '../../topology/schema/rule.ts';
import type { PointValue, Quality } from '../frame.ts';
import { type CompiledCondition, compileCondition, type Verdict } from './condition.ts';
import type { AlarmEvent, Annunciation, Occurrence } from './events.ts';
import { localDate } from './local-date.ts';
import { type AlarmRecord, isHeld, isHidden, isUnacknowledged, valueText } from './machine.ts';
import { BEHIND_LINK, type Suppression } from './suppression.ts';

/**
 * From values to alarm events. Since when a condition holds, and since when it is gone, is live state: it follows from the
 * readings alone, whatever was decided, so a replay of the log gives it again. What is to be decided follows from it and from
 * the alarm's record, so evaluating twice decides once.
 */
export interface CompiledRule {
  readonly rule: Rule;
  /** Place in `RuleTimers`. */
  readonly index: number;
  /** Place of its metric in the owner's layout; -1 for `deviceLost`. */
  readonly metric: number;
  /** Null for `deviceLost`. */
  readonly condition: CompiledCondition | null;
  readonly durationMs: number;
  readonly offDelayMs: number;
  readonly cooldownMs: number;
  readonly unit: string;
  readonly title: string;
}

export interface RuleTimers {
  /** Since when the condition holds; NaN: it does not. */
  readonly onSinceMs: Float64Array;
  /** Since when it is gone, deadband passed; NaN: it is not. */
  readonly offSinceMs: Float64Array;
}

/** Of the asset or device that has the rule. */
export interface RuleOwner {
  readonly name: string;
  readonly timeZone: string;
}

export function compileRule(
  rule: Rule,
  place: { readonly index: number; readonly metric: number; readonly unit: string; readonly title: string },
): CompiledRule {
  return {
    rule,
    ...place,
    condition: rule.when === 'deviceLost' ? null : compileCondition(rule.when, rule.deadband),
    durationMs: rule.durationSeconds * 1000,
    offDelayMs: rule.offDelaySeconds * 1000,
    cooldownMs: rule.cooldownSeconds * 1000,
  };
}

export function createTimers(rules: number): RuleTimers {
  return { onSinceMs: new Float64Array(rules).fill(Number.NaN), offSinceMs: new Float64Array(rules).fill(Number.NaN) };
}

/** Notes what a reading says; a reading that does not fit the condition says nothing. */
export function noteVerdict(timers: RuleTimers, index: number, verdict: Verdict, nowMs: number): void {
  if (verdict === 'unfit') return;
  const { onSinceMs, offSinceMs } = timers;
  if (verdict !== 'holds') onSinceMs[index] = Number.NaN;
  else if (Number.isNaN(onSinceMs[index])) onSinceMs[index] = nowMs;
  if (verdict !== 'gone') offSinceMs[index] = Number.NaN;
  else if (Number.isNaN(offSinceMs[index])) offSinceMs[index] = nowMs;
}

/** After a silence nobody knows whether the condition held through it: delays begin anew. */
export function forgetDelays(timers: RuleTimers, index: number): void {
  timers.onSinceMs[index] = Number.NaN;
  timers.offSinceMs[index] = Number.NaN;
}

/** The instant at which `decideRule` will have something to decide without a further reading. */
export function ruleDueMs(rule: CompiledRule, record: AlarmRecord | undefined, timers: RuleTimers): number {
  if (record === undefined || !isHeld(record)) {
    const since = timers.onSinceMs[rule.index] ?? Number.NaN;
    return Number.isNaN(since) ? Number.POSITIVE_INFINITY : since + rule.durationMs;
  }
  const gone = timers.offSinceMs[rule.index] ?? Number.NaN;
  const ends = Number.isNaN(gone) ? Number.POSITIVE_INFINITY : gone + rule.offDelayMs;
  return record.standing && rule.rule.severity !== 'INFO' ? Math.min(ends, record.cooldownUntilMs ?? 0) : ends;
}

/**
 * What follows now from timers and record, pushed to `events`.
 * @param quality of the value
 * @param hiddenBy why an alarm that is raised now is suppressed by design; null: it is not
 */
export function decideRule(
  rule: CompiledRule,
  record: AlarmRecord | undefined,
  timers: RuleTimers,
  value: PointValue,
  nowMs: number,
  owner: RuleOwner,
  hiddenBy: Suppression | null,
  events: AlarmEvent[],
  quality: Quality = 'GOOD',
): void {
  if (ruleDueMs(rule, record, timers) > nowMs) return;
  const id = rule.rule.id;
  if (record === undefined || !isHeld(record)) {
    occur(rule, record, value, quality, nowMs, owner, hiddenBy, events);
    return;
  }
  if (nowMs - (timers.offSinceMs[rule.index] ?? Number.NaN) >= rule.offDelayMs) {
    if (isNoted(record)) events.push({ kind: 'ConditionEnded', rule: id, atMs: nowMs, value });
    else events.push(cleared(rule, record, value, nowMs));
    return;
  }
  raise(rule, record, value, quality, nowMs, owner, hiddenBy, events, !isNoted(record));
}

/** The end of an occurrence; one that was only counted, or that a lost link stood for, does not begin a new cooldown. */
function cleared(rule: CompiledRule, record: AlarmRecord, value: PointValue, nowMs: number): AlarmEvent {
  const counted = record.standing && record.cooldownUntilMs !== null;
  const unseen = record.suppressed?.cause === BEHIND_LINK && !record.annunciated;
  const cooldownUntilMs = counted || unseen ? (record.cooldownUntilMs ?? nowMs) : nowMs + rule.cooldownMs;
  return { kind: 'AlarmCleared', rule: rule.rule.id, atMs: nowMs, reason: 'condition_gone', value, cooldownUntilMs };
}

/** Stands because it was recorded as information, in no list. */
function isNoted(record: AlarmRecord): boolean {
  return record.standing && record.detail === 'NORMAL' && record.occurrence?.severity === 'INFO';
}

function occur(
  rule: CompiledRule,
  record: AlarmRecord | undefined,
  value: PointValue,
  quality: Quality,
  nowMs: number,
  owner: RuleOwner,
  hiddenBy: Suppression | null,
  events: AlarmEvent[],
): void {
  const atMs = nowMs;
  if (rule.rule.severity === 'INFO') {
    events.push({ kind: 'ConditionNoted', rule: rule.rule.id, atMs, ...occurrenceOf(rule, value, quality, owner) });
  } else if (record !== undefined && nowMs < (record.cooldownUntilMs ?? nowMs)) {
    hide(rule, record, hiddenBy, atMs, events);
    events.push({ kind: 'AlarmRecurred', rule: rule.rule.id, atMs, ...occurrenceOf(rule, value, quality, owner) });
  } else {
    raise(rule, record, value, quality, nowMs, owner, hiddenBy, events, false);
  }
}

function raise(
  rule: CompiledRule,
  record: AlarmRecord | undefined,
  value: PointValue,
  quality: Quality,
  atMs: number,
  owner: RuleOwner,
  hiddenBy: Suppression | null,
  events: AlarmEvent[],
  counted: boolean,
): void {
  const { id, latched } = rule.rule;
  hide(rule, record, hiddenBy, atMs, events);
  const hidden = hiddenBy !== null || (record !== undefined && isHidden(record));
  const annunciation = hidden ? null : annunciationOf(owner, atMs);
  const occurrence = occurrenceOf(rule, value, quality, owner);
  // Nobody is called for it, so nobody has to see its end; unless they still owe that to an earlier occurrence.
  const unseen = hiddenBy?.cause === BEHIND_LINK && (record === undefined || !isUnacknowledged(record.detail));
  const autoAckOnClear = rule.rule.autoAckOnClear || unseen;
  events.push({ kind: 'AlarmRaised', rule: id, atMs, ...occurrence, latched, autoAckOnClear, counted, annunciation });
}

function hide(
  rule: CompiledRule,
  record: AlarmRecord | undefined,
  hiddenBy: Suppression | null,
  atMs: number,
  events: AlarmEvent[],
): void {
  if (hiddenBy === null || (record !== undefined && record.suppressed !== null)) return;
  events.push({ kind: 'AlarmSuppressed', rule: rule.rule.id, atMs, ...hiddenBy });
}

export function annunciationOf(owner: RuleOwner, atMs: number): Annunciation {
  return { localDate: localDate(owner.timeZone, atMs) };
}

/** An alarm that was raised while hidden is annunciated when the last overlay goes and it still waits for somebody. */
export function annunciationWhenShown(
  record: AlarmRecord,
  without: 'shelved' | 'suppressed' | 'outOfService',
  owner: RuleOwner,
  atMs: number,
): Annunciation | null {
  if (record.detail !== 'ACTIVE_UNACK' || record.annunciated) return null;
  return isHidden({ ...record, [without]: null }) ? null : annunciationOf(owner, atMs);
}

function occurrenceOf(rule: CompiledRule, value: PointValue, quality: Quality, owner: RuleOwner): Occurrence {
  const { name, metric = null, severity } = rule.rule;
  const threshold = rule.condition?.threshold(value) ?? null;
  return {
    name,
    metric,
    severity,
    value,
    ...(quality !== 'GOOD' && { quality }),
    threshold,
    unit: rule.unit,
    message: messageOf(rule, value, threshold, owner),
  };
}

function messageOf(rule: CompiledRule, value: PointValue, threshold: PointValue, owner: RuleOwner): string {
  const { message } = rule.rule;
  if (message === undefined) {
    if (rule.condition === null) return 'No connection to the device';
    const unit = rule.unit === '' ? '' : ` ${rule.unit}`;
    return `${rule.title} ${valueText(value)}${unit}, ${rule.condition.word} ${valueText(threshold)}${unit}`;
  }
  return message.replace(/\{(value|threshold|unit|asset)\}/g, (_, word: string) => {
    if (word === 'value') return valueText(value);
    if (word === 'threshold') return valueText(threshold);
    return word === 'unit' ? rule.unit : owner.name;
  });
}

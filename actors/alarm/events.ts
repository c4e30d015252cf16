import type { PointValue, Quality } from '../frame.ts';
import type { Severity } from '../views.ts';

/**
 * What happened to an alarm. Every event carries all that its consequence needs, so that an old one stays true when the
 * rule has changed since.
 */
export type AlarmEvent =
  | AlarmRaised
  | AlarmRecurred
  | AlarmCleared
  | AlarmAcknowledged
  | AlarmReset
  | AlarmShelved
  | AlarmUnshelved
  | AlarmSuppressed
  | AlarmUnsuppressed
  | AlarmTakenOutOfService
  | AlarmReturnedToService
  | AlarmCommented
  | AlarmCannotEvaluate
  | AlarmEvaluable
  | AlarmOrderLinked
  | ConditionNoted
  | ConditionEnded;

interface OfRule {
  readonly rule: string;
  readonly atMs: number;
}

/** What the rule said and the value was when the condition came to hold. */
export interface Occurrence {
  readonly name: string;
  readonly metric: string | null;
  readonly severity: Severity;
  readonly value: PointValue;
  /** Of the value; absent: GOOD. */
  readonly quality?: Quality;
  readonly threshold: PointValue;
  readonly unit: string;
  readonly message: string;
}

/** People are told, webhooks called and orders requested. Absent while an overlay hides the alarm or it was told lately. */
export interface Annunciation {
  /** YYYYMMDD where the site is, for the number of a work order: an effect knows no time zone. */
  readonly localDate: string;
}

export interface AlarmRaised extends OfRule, Occurrence {
  readonly kind: 'AlarmRaised';
  readonly latched: boolean;
  readonly autoAckOnClear: boolean;
  /** The occurrence was counted by `AlarmRecurred` during the cooldown and still holds at its end. */
  readonly counted: boolean;
  readonly annunciation: Annunciation | null;
}

/** Came again within the cooldown: counted and listed, not annunciated. */
export interface AlarmRecurred extends OfRule, Occurrence {
  readonly kind: 'AlarmRecurred';
}

export interface AlarmCleared extends OfRule {
  readonly kind: 'AlarmCleared';
  readonly reason: 'condition_gone' | 'rule_removed' | 'rule_inactive';
  readonly value: PointValue;
  /** A new occurrence before this instant is not annunciated. */
  readonly cooldownUntilMs: number;
}

export interface AlarmAcknowledged extends OfRule {
  readonly kind: 'AlarmAcknowledged';
  readonly by: string;
  readonly comment: string | null;
}

export interface AlarmReset extends OfRule {
  readonly kind: 'AlarmReset';
  readonly by: string;
}

export interface AlarmShelved extends OfRule {
  readonly kind: 'AlarmShelved';
  readonly by: string;
  readonly reason: string;
  readonly untilMs: number;
}

export interface AlarmUnshelved extends OfRule {
  readonly kind: 'AlarmUnshelved';
  /** Null when it expired. */
  readonly by: string | null;
  readonly annunciation: Annunciation | null;
}

export interface AlarmSuppressed extends OfRule {
  readonly kind: 'AlarmSuppressed';
  readonly cause: string;
  /** Id of the alarm that is called out instead. */
  readonly by?: string;
}

export interface AlarmUnsuppressed extends OfRule {
  readonly kind: 'AlarmUnsuppressed';
  readonly annunciation: Annunciation | null;
  /** From now on; of an alarm that nobody was to see before. */
  readonly autoAckOnClear?: boolean;
}

export interface AlarmTakenOutOfService extends OfRule {
  readonly kind: 'AlarmTakenOutOfService';
  readonly by: string;
  readonly reason: string;
  readonly workOrder: string | null;
}

export interface AlarmReturnedToService extends OfRule {
  readonly kind: 'AlarmReturnedToService';
  readonly by: string;
  readonly annunciation: Annunciation | null;
}

export interface AlarmCommented extends OfRule {
  readonly kind: 'AlarmCommented';
  readonly by: string;
  readonly text: string;
}

export interface AlarmCannotEvaluate extends OfRule {
  readonly kind: 'AlarmCannotEvaluate';
  readonly reason: string;
}

export interface AlarmEvaluable extends OfRule {
  readonly kind: 'AlarmEvaluable';
}

/** A work order was opened for the alarm, or its order has ended (null). */
export interface AlarmOrderLinked extends OfRule {
  readonly kind: 'AlarmOrderLinked';
  readonly workOrder: string | null;
}

/** A rule of severity INFO holds: recorded, in no alarm list. */
export interface ConditionNoted extends OfRule, Occurrence {
  readonly kind: 'ConditionNoted';
}

export interface ConditionEnded extends OfRule {
  readonly kind: 'ConditionEnded';
  readonly value: PointValue;
}

const KINDS: ReadonlySet<string> = new Set<AlarmEvent['kind']>([
  'AlarmRaised',
  'AlarmRecurred',
  'AlarmCleared',
  'AlarmAcknowledged',
  'AlarmReset',
  'AlarmShelved',
  'AlarmUnshelved',
  'AlarmSuppressed',
  'AlarmUnsuppressed',
  'AlarmTakenOutOfService',
  'AlarmReturnedToService',
  'AlarmCommented',
  'AlarmCannotEvaluate',
  'AlarmEvaluable',
  'AlarmOrderLinked',
  'ConditionNoted',
  'ConditionEnded',
]);

export function isAlarmEvent(event: { readonly kind: string }): event is AlarmEvent {
  return KINDS.has(event.kind);
}

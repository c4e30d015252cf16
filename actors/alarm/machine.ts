import type { PointValue } from '../frame.ts';
import type { AlarmDetail } from '../views.ts';
import type { AlarmEvent, Occurrence } from './events.ts';

/**
 * The alarm machine: a condition times an acknowledgement, with latching, and three overlays that hide an alarm without
 * stopping it: shelved (a person, for a time), suppressed by design (another fact explains it), out of service (maintenance).
 *
 *                raise            clear                   acknowledge    reset         recur
 * NORMAL         ACTIVE_UNACK     -                       -              -             ACTIVE_ACK, standing
 * ACTIVE_UNACK   -                RTN | LATCHED_UNACK *   ACTIVE_ACK     -             -
 * ACTIVE_ACK     ACTIVE_UNACK **  NORMAL | LATCHED_ACK    -              -             -
 * RTN_UNACK      ACTIVE_UNACK     -                       NORMAL         -             ACTIVE_UNACK
 * LATCHED_UNACK  ACTIVE_UNACK     -                       LATCHED_ACK    RTN_UNACK     ACTIVE_UNACK
 * LATCHED_ACK    ACTIVE_UNACK     -                       -              NORMAL        ACTIVE_ACK, standing
 *
 * *  with autoAckOnClear: NORMAL | LATCHED_ACK. A reset never acknowledges.
 * ** at the end of a cooldown, when the occurrence was counted silently before.
 *
 * Cooldown: an occurrence within `cooldownSeconds` after the last clear is counted (`recur`), and nobody is called for it. It
 * is in the list all the same, for the list says what holds now: as acknowledged where somebody had acknowledged the
 * episode, else as ACTIVE_UNACK, which it never left. `standing` remembers that nobody was called; if the condition still holds
 * when the cooldown ends, the alarm is raised, once, as the same occurrence. A clear during the cooldown does not prolong
 * it, so an alarm that chatters is annunciated once per cooldown and never goes silent for good.
 */
export interface AlarmRecord {
  readonly rule: string;
  readonly detail: AlarmDetail;
  /** The condition holds though nobody was called: in a cooldown, or of severity INFO. */
  readonly standing: boolean;
  /** The occurrence that is active was annunciated. */
  readonly annunciated: boolean;
  /** Of the newest occurrence; null before the first. */
  readonly occurrence: Occurrence | null;
  readonly latched: boolean;
  readonly autoAckOnClear: boolean;
  readonly shelved: {
    readonly untilMs: number;
    readonly by: string;
    readonly reason: string;
    readonly atMs: number;
  } | null;
  readonly suppressed: {
    readonly cause: string;
    /** Id of the alarm that is called out instead; null: none is known. */
    readonly by: string | null;
    readonly sinceMs: number;
  } | null;
  readonly outOfService: {
    readonly by: string;
    readonly reason: string;
    readonly workOrder: string | null;
    readonly sinceMs: number;
  } | null;
  readonly cannotEvaluate: { readonly reason: string; readonly sinceMs: number } | null;
  readonly raisedAtMs: number | null;
  readonly clearedAtMs: number | null;
  readonly acknowledgedAtMs: number | null;
  readonly acknowledgedBy: string | null;
  /** An episode begins with a raise from NORMAL outside of a cooldown; its occurrences are counted together. */
  readonly firstRaisedAtMs: number | null;
  readonly occurrences: number;
  readonly cooldownUntilMs: number | null;
  readonly comments: readonly { readonly atMs: number; readonly by: string; readonly text: string }[];
  readonly workOrder: string | null;
}

/** Comments that the record keeps; the journal has them all. */
const COMMENTS_KEPT = 50;

export type Step = 'raise' | 'recur' | 'acknowledge' | 'reset';

/** Where a step leads; null: it changes nothing. `clear` depends on the flags and stands in `afterClear`. */
export const STEPS: Readonly<Record<AlarmDetail, Readonly<Record<Step, AlarmDetail | null>>>> = {
  NORMAL: { raise: 'ACTIVE_UNACK', recur: 'ACTIVE_ACK', acknowledge: null, reset: null },
  ACTIVE_UNACK: { raise: null, recur: null, acknowledge: 'ACTIVE_ACK', reset: null },
  ACTIVE_ACK: { raise: 'ACTIVE_UNACK', recur: null, acknowledge: null, reset: null },
  RTN_UNACK: { raise: 'ACTIVE_UNACK', recur: 'ACTIVE_UNACK', acknowledge: 'NORMAL', reset: null },
  LATCHED_UNACK: { raise: 'ACTIVE_UNACK', recur: 'ACTIVE_UNACK', acknowledge: 'LATCHED_ACK', reset: 'RTN_UNACK' },
  LATCHED_ACK: { raise: 'ACTIVE_UNACK', recur: 'ACTIVE_ACK', acknowledge: null, reset: 'NORMAL' },
};

export function afterClear(detail: AlarmDetail, latched: boolean, autoAckOnClear: boolean): AlarmDetail {
  switch (detail) {
    case 'ACTIVE_ACK':
      return latched ? 'LATCHED_ACK' : 'NORMAL';
    case 'ACTIVE_UNACK':
      if (autoAckOnClear) return latched ? 'LATCHED_ACK' : 'NORMAL';
      return latched ? 'LATCHED_UNACK' : 'RTN_UNACK';
    default:
      return detail;
  }
}

export function normal(rule: string): AlarmRecord {
  return {
    rule,
    detail: 'NORMAL',
    standing: false,
    annunciated: false,
    occurrence: null,
    latched: false,
    autoAckOnClear: false,
    shelved: null,
    suppressed: null,
    outOfService: null,
    cannotEvaluate: null,
    raisedAtMs: null,
    clearedAtMs: null,
    acknowledgedAtMs: null,
    acknowledgedBy: null,
    firstRaisedAtMs: null,
    occurrences: 0,
    cooldownUntilMs: null,
    comments: [],
    workOrder: null,
  };
}

/** The condition holds, as far as is known: the next thing that can happen to it is that it ends. */
export function isHeld(record: AlarmRecord): boolean {
  return record.standing || record.detail === 'ACTIVE_UNACK' || record.detail === 'ACTIVE_ACK';
}

/** Hidden by an overlay. */
export function isHidden(record: AlarmRecord): boolean {
  return record.shelved !== null || record.suppressed !== null || record.outOfService !== null;
}

export function isUnacknowledged(detail: AlarmDetail): boolean {
  return detail === 'ACTIVE_UNACK' || detail === 'RTN_UNACK' || detail === 'LATCHED_UNACK';
}

export function evolveAlarm(record: AlarmRecord, event: AlarmEvent): AlarmRecord {
  switch (event.kind) {
    case 'AlarmRaised':
    case 'AlarmRecurred':
    case 'ConditionNoted':
      return occurred(record, event);
    case 'AlarmCleared':
      return cleared(record, event);
    case 'ConditionEnded':
      return { ...record, standing: false, clearedAtMs: event.atMs };
    case 'AlarmAcknowledged':
      return acknowledged(record, event);
    case 'AlarmReset':
      return { ...record, detail: STEPS[record.detail].reset ?? record.detail };
    case 'AlarmShelved': {
      const { untilMs, by, reason, atMs } = event;
      return { ...record, shelved: { untilMs, by, reason, atMs } };
    }
    case 'AlarmUnshelved':
      return { ...record, shelved: null, annunciated: record.annunciated || event.annunciation !== null };
    case 'AlarmSuppressed':
      return {
        ...record,
        suppressed: { cause: event.cause, by: event.by ?? null, sinceMs: record.suppressed?.sinceMs ?? event.atMs },
      };
    case 'AlarmUnsuppressed': {
      const { annunciation, autoAckOnClear = record.autoAckOnClear } = event;
      return {
        ...record,
        suppressed: null,
        annunciated: record.annunciated || annunciation !== null,
        autoAckOnClear,
      };
    }
    case 'AlarmTakenOutOfService': {
      const { by, reason, workOrder, atMs } = event;
      return { ...record, outOfService: { by, reason, workOrder, sinceMs: atMs } };
    }
    case 'AlarmReturnedToService':
      return { ...record, outOfService: null, annunciated: record.annunciated || event.annunciation !== null };
    case 'AlarmCommented':
      return withComment(record, event.atMs, event.by, event.text);
    case 'AlarmCannotEvaluate':
      return { ...record, cannotEvaluate: { reason: event.reason, sinceMs: event.atMs } };
    case 'AlarmEvaluable':
      return { ...record, cannotEvaluate: null };
    case 'AlarmOrderLinked':
      return { ...record, workOrder: event.workOrder };
    default:
      return unreachable(event);
  }
}

type Occurred = Extract<AlarmEvent, { kind: 'AlarmRaised' | 'AlarmRecurred' | 'ConditionNoted' }>;

function occurred(record: AlarmRecord, event: Occurred): AlarmRecord {
  const { name, metric, severity, value, quality, threshold, unit, message, atMs } = event;
  const said = { name, metric, severity, value, threshold, unit, message };
  const occurrence: Occurrence = quality === undefined ? said : { ...said, quality };
  const inCooldown = record.cooldownUntilMs !== null && atMs < record.cooldownUntilMs;
  const counted = event.kind === 'AlarmRaised' && event.counted;
  const newEpisode = record.detail === 'NORMAL' && !record.standing && !inCooldown;
  const base = {
    ...record,
    occurrence,
    firstRaisedAtMs: newEpisode ? atMs : (record.firstRaisedAtMs ?? atMs),
    occurrences: newEpisode ? 1 : record.occurrences + (counted ? 0 : 1),
  };
  switch (event.kind) {
    case 'ConditionNoted':
      return { ...base, standing: true, raisedAtMs: atMs };
    case 'AlarmRecurred': {
      const detail = STEPS[record.detail].recur ?? record.detail;
      return { ...base, detail, standing: detail === 'ACTIVE_ACK', raisedAtMs: atMs };
    }
    case 'AlarmRaised': {
      const detail = STEPS[record.detail].raise ?? record.detail;
      const annunciated = event.annunciation !== null;
      const { latched, autoAckOnClear } = event;
      const unacknowledged = { acknowledgedAtMs: null, acknowledgedBy: null };
      return {
        ...base,
        ...unacknowledged,
        detail,
        standing: false,
        annunciated,
        latched,
        autoAckOnClear,
        raisedAtMs: atMs,
      };
    }
    default:
      return unreachable(event);
  }
}

function cleared(record: AlarmRecord, event: Extract<AlarmEvent, { kind: 'AlarmCleared' }>): AlarmRecord {
  const { atMs, cooldownUntilMs } = event;
  if (event.reason !== 'condition_gone') {
    // Without its rule there is nothing left to watch, to acknowledge or to hide.
    return { ...normal(record.rule), occurrence: record.occurrence, clearedAtMs: atMs, comments: record.comments };
  }
  const detail = afterClear(record.detail, record.latched, record.autoAckOnClear);
  const base = { ...record, detail, standing: false, clearedAtMs: atMs, cooldownUntilMs, annunciated: false };
  const byItself = record.detail === 'ACTIVE_UNACK' && (detail === 'NORMAL' || detail === 'LATCHED_ACK');
  return byItself ? { ...base, acknowledgedAtMs: atMs, acknowledgedBy: 'system' } : base;
}

function acknowledged(record: AlarmRecord, event: Extract<AlarmEvent, { kind: 'AlarmAcknowledged' }>): AlarmRecord {
  const { atMs, by, comment } = event;
  const next = { ...record, detail: STEPS[record.detail].acknowledge ?? record.detail };
  const commented = comment === null ? next : withComment(next, atMs, by, comment);
  return { ...commented, acknowledgedAtMs: atMs, acknowledgedBy: by };
}

function withComment(record: AlarmRecord, atMs: number, by: string, text: string): AlarmRecord {
  return { ...record, comments: [...record.comments, { atMs, by, text }].slice(-COMMENTS_KEPT) };
}

/** The value that an event speaks of, for messages. */
export function valueText(value: PointValue): string {
  if (typeof value !== 'number') return String(value);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

function unreachable(event: never): never {
  throw new Error(`not an alarm event: ${JSON.stringify(event)}`);
}

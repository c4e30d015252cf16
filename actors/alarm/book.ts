import type { Rule } from '../../topology/schema/rule.ts';
import type { AlarmView, Severity } from '../views.ts';
import { annunciationWhenShown, type RuleOwner } from './evaluate.ts';
import type { AlarmEvent } from './events.ts';
import { type AlarmRecord, evolveAlarm, isHidden, isUnacknowledged, normal } from './machine.ts';
import { type AlarmHolder, alarmView, isListed } from './view.ts';

/** All alarms of one asset or device, by rule id. Never changed in place. */
export type AlarmBook = ReadonlyMap<string, AlarmRecord>;

export function evolveBook(book: AlarmBook, event: AlarmEvent): AlarmBook {
  const next = new Map(book);
  next.set(event.rule, evolveAlarm(book.get(event.rule) ?? normal(event.rule), event));
  return next;
}

/** The next instant at which a shelved alarm returns. */
export function shelfDueMs(book: AlarmBook): number {
  let dueMs = Number.POSITIVE_INFINITY;
  for (const { shelved } of book.values()) if (shelved !== null && shelved.untilMs < dueMs) dueMs = shelved.untilMs;
  return dueMs;
}

export function expireShelves(book: AlarmBook, nowMs: number, owner: RuleOwner, events: AlarmEvent[]): void {
  for (const record of book.values()) {
    if (record.shelved === null || record.shelved.untilMs > nowMs) continue;
    const annunciation = annunciationWhenShown(record, 'shelved', owner, nowMs);
    events.push({ kind: 'AlarmUnshelved', rule: record.rule, atMs: nowMs, by: null, annunciation });
  }
}

/** Ends the alarms whose rule is gone or switched off. */
export function endOrphans(
  book: AlarmBook,
  rules: readonly Pick<Rule, 'id' | 'active'>[],
  nowMs: number,
): AlarmEvent[] {
  const events: AlarmEvent[] = [];
  for (const record of book.values()) {
    const rule = rules.find((candidate) => candidate.id === record.rule);
    if (rule?.active || (!record.standing && !isListed(record))) continue;
    const reason = rule === undefined ? 'rule_removed' : 'rule_inactive';
    events.push({ kind: 'AlarmCleared', rule: record.rule, atMs: nowMs, reason, value: null, cooldownUntilMs: nowMs });
  }
  return events;
}

export interface AlarmCounts {
  readonly unacknowledged: number;
  /** Active or acknowledged, and not hidden. */
  readonly active: number;
  readonly worst: Severity | null;
}

const ORDER: readonly Severity[] = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO'];

/** Of the alarms that are shown. */
export function countBook(book: AlarmBook): AlarmCounts {
  let unacknowledged = 0;
  let active = 0;
  let worst: Severity | null = null;
  for (const record of book.values()) {
    if (record.detail === 'NORMAL' || isHidden(record)) continue;
    if (isUnacknowledged(record.detail)) unacknowledged++;
    if (record.detail !== 'RTN_UNACK') active++;
    const severity = record.occurrence?.severity ?? null;
    if (severity !== null && (worst === null || ORDER.indexOf(severity) < ORDER.indexOf(worst))) worst = severity;
  }
  return { unacknowledged, active, worst };
}

export interface AlarmGroups {
  readonly alarms: Record<string, AlarmView>;
  readonly unrecordedAlarms?: Record<string, AlarmView>;
}

/** Beside an alarm that is not on record as it stands. */
const UNRECORDED = { notRecorded: true } as const;

/** Views of a book, each made again only when its record changed. */
export class AlarmViews {
  readonly #made = new Map<string, { readonly record: AlarmRecord; readonly view: AlarmView }>();
  /** As `#made`, of those that are not on record; none of them while the journal answers. */
  readonly #unrecorded = new Map<string, { readonly record: AlarmRecord; readonly view: AlarmView }>();

  of(record: AlarmRecord, holder: AlarmHolder): AlarmView {
    const made = this.#made.get(record.rule);
    if (made !== undefined && made.record === record) return made.view;
    const view = alarmView(record, holder);
    this.#made.set(record.rule, { record, view });
    return view;
  }

  /**
   * The groups of a view that tell of the alarms.
   *
   * @param recorded the book as far as the journal has it, where it has not all of it: an alarm that left the lists since then
   * stays in them until that is on record
   */
  listed(book: AlarmBook, holder: AlarmHolder, recorded: AlarmBook = book): AlarmGroups {
    const alarms: Record<string, AlarmView> = {};
    if (recorded === book) {
      this.#unrecorded.clear();
      for (const record of book.values()) if (isListed(record)) alarms[record.rule] = this.of(record, holder);
      return { alarms };
    }
    const unrecordedAlarms: Record<string, AlarmView> = {};
    for (const record of book.values()) {
      const known = recorded.get(record.rule);
      if (!isListed(record) && (known === undefined || !isListed(known))) continue;
      const view = known === record ? this.of(record, holder) : this.#ofUnrecorded(record, holder);
      alarms[record.rule] = view;
      if (known !== record) unrecordedAlarms[record.rule] = view;
    }
    return { alarms, unrecordedAlarms };
  }

  #ofUnrecorded(record: AlarmRecord, holder: AlarmHolder): AlarmView {
    const made = this.#unrecorded.get(record.rule);
    if (made !== undefined && made.record === record) return made.view;
    const view = { ...alarmView(record, holder), ...UNRECORDED };
    this.#unrecorded.set(record.rule, { record, view });
    return view;
  }
}

import type { AlarmView } from '../../actors/views.ts';
import type { WireEvent } from '../../gateways/websocket/protocol.ts';
import { type AlarmCounts, countAlarms, gravestByGroup } from './alarm-order.ts';
import { isCovered } from './frames.ts';
import { Signal } from './signal.ts';

/** Transitions kept for the page; older ones are in the journal. */
const TRANSITIONS_KEPT = 2000;

/** One alarm's step from one state to the next, as it came over the event lane. */
export interface Transition {
  readonly token: string;
  readonly entity: string;
  readonly seq: number;
  readonly kind: string;
  readonly timeMs: number;
  readonly by: string;
  readonly alarm: AlarmView | null;
}

/**
 * Every alarm that is not simply normal, and the transitions that led there. The lane is lossless: after a reconnect the
 * snapshot gives the state and the repeated events give the history in between, each once.
 */
export class AlarmBook {
  /** Replaced on every change; listeners draw from it. */
  readonly alarms = new Signal<ReadonlyMap<string, AlarmView>>(new Map());
  readonly counts = new Signal<AlarmCounts>(countAlarms([]));
  /** See `gravestByGroup`. */
  readonly gravest = new Signal<ReadonlyMap<string, AlarmView>>(new Map());
  readonly ready = new Signal(false);
  /** Oldest first. */
  readonly transitions = new Signal<readonly Transition[]>([]);
  /** Newly raised since the page opened: what the sound follows. */
  readonly raised = new Signal<AlarmView | null>(null);
  #snapshotToken = '';
  #seen = new Map<string, number>();

  /** Another journal than before: its entities are numbered anew, and what was seen says nothing about them. */
  forget(): void {
    this.#seen.clear();
    this.transitions.value = [];
  }

  takeSnapshot(items: readonly unknown[], token: string): void {
    this.#snapshotToken = token;
    const next = new Map<string, AlarmView>();
    for (const item of items) if (isAlarm(item) && isListed(item)) next.set(item.id, item);
    this.#replace(next);
    this.ready.value = true;
  }

  takeEvents(events: readonly WireEvent[]): void {
    const next = new Map(this.alarms.value);
    const added: Transition[] = [];
    for (const event of events) {
      // An entity's events are numbered without gaps: one that was seen comes again only when a resume overlaps.
      if ((this.#seen.get(event.entity) ?? 0) >= event.seq) continue;
      this.#seen.set(event.entity, event.seq);
      const alarm = isAlarm(event.after) ? event.after : null;
      added.push({ ...pick(event), alarm });
      if (alarm === null || isCovered(event, this.#snapshotToken)) continue;
      if (isListed(alarm)) next.set(alarm.id, alarm);
      else next.delete(alarm.id);
      if (event.kind === 'AlarmRaised') this.raised.value = alarm;
    }
    if (added.length === 0) return;
    this.transitions.value = [...this.transitions.value, ...added].slice(-TRANSITIONS_KEPT);
    this.#replace(next);
  }

  #replace(next: ReadonlyMap<string, AlarmView>): void {
    this.alarms.value = next;
    this.counts.value = countAlarms(next.values());
    this.gravest.value = gravestByGroup(next.values());
  }
}

/** A normal alarm with no overlay is nobody's business, unless it cannot be evaluated. */
function isListed(alarm: AlarmView): boolean {
  return (
    alarm.detail !== 'NORMAL' ||
    alarm.shelved !== null ||
    alarm.suppressed !== null ||
    alarm.outOfService !== null ||
    alarm.cannotEvaluate !== null
  );
}

function pick({ token, entity, seq, kind, timeMs, by }: WireEvent): Omit<Transition, 'alarm'> {
  return { token, entity, seq, kind, timeMs, by };
}

export function isAlarm(value: unknown): value is AlarmView {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    typeof value.id === 'string' &&
    'detail' in value &&
    'severity' in value
  );
}

import type { AlarmView } from '../../actors/views.ts';
import type { WireEvent } from '../../gateways/websocket/protocol.ts';
import { type AlarmCounts, countAlarms, gravestByGroup } from './alarm-order.ts';
import { isCovered } from './frames.ts';
import { Signal } from './signal.ts';

/** What is on record since a moment ago is still shown as it was not, until its event has come, which may go another way. */
const LINGER_MS = 2000;

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
 * snapshot gives the state and the repeated events give the history in between, each once. The lane tells of what is on
 * record. What is decided while the journal is away comes with the views of the holders, and lies over it until it is.
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
  /** As the lane has them. */
  #recorded: ReadonlyMap<string, AlarmView> = new Map();
  /** By holder. */
  readonly #unrecorded = new Map<string, ReadonlyMap<string, AlarmView>>();
  /** Holders that show nothing any more that is not on record. */
  readonly #lingering = new Map<string, ReturnType<typeof setTimeout>>();

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
    const next = new Map(this.#recorded);
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
      this.#isOnRecord(event.entity, alarm.id);
      if (event.kind === 'AlarmRaised') this.raised.value = alarm;
    }
    if (added.length === 0) return;
    this.transitions.value = [...this.transitions.value, ...added].slice(-TRANSITIONS_KEPT);
    this.#replace(next);
  }

  /** @param alarms of one holder those that are not on record as they stand; undefined: all are */
  takeUnrecorded(entity: string, alarms: Readonly<Record<string, unknown>> | undefined): void {
    const these = Object.values(alarms ?? {}).filter(isAlarm);
    clearTimeout(this.#lingering.get(entity));
    this.#lingering.delete(entity);
    if (these.length > 0) {
      this.#unrecorded.set(entity, new Map(these.map((alarm) => [alarm.id, alarm])));
      this.#replace(this.#recorded);
      return;
    }
    if (!this.#unrecorded.has(entity)) return;
    this.#lingering.set(
      entity,
      setTimeout(() => this.#letGo(entity), LINGER_MS),
    );
  }

  #letGo(entity: string): void {
    const rest = this.#unrecorded.get(entity) ?? new Map();
    this.#unrecorded.delete(entity);
    this.#lingering.delete(entity);
    // Those of a snapshot that came meanwhile: without an event of theirs they have not come to be.
    const next = new Map(this.#recorded);
    for (const id of rest.keys()) if (next.get(id)?.notRecorded === true) next.delete(id);
    this.#replace(next);
  }

  #isOnRecord(entity: string, id: string): void {
    const these = this.#unrecorded.get(entity);
    if (these?.has(id) !== true) return;
    const rest = new Map(these);
    rest.delete(id);
    if (rest.size > 0) this.#unrecorded.set(entity, rest);
    else this.#unrecorded.delete(entity);
  }

  #replace(recorded: ReadonlyMap<string, AlarmView>): void {
    this.#recorded = recorded;
    const next = new Map(recorded);
    for (const these of this.#unrecorded.values()) for (const [id, alarm] of these) next.set(id, alarm);
    this.alarms.value = next;
    this.counts.value = countAlarms(next.values());
    this.gravest.value = gravestByGroup(next.values());
  }
}

/** A normal alarm with no overlay is nobody's business, unless it cannot be evaluated, or that it is normal is not on record. */
function isListed(alarm: AlarmView): boolean {
  return (
    alarm.notRecorded === true ||
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

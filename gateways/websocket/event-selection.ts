import { EntityId, kindOf, nameOf } from '../../runtime/ids.ts';
import type { JournalEntry, JournalQuery } from '../../runtime/journal.ts';
import type { Json } from '../../runtime/json.ts';
import type { LiveBus, LiveCell } from '../../runtime/live-bus.ts';
import { grants } from '../auth/roles.ts';
import type { WireEvent } from './protocol.ts';
import { type Selection, type Subscription, selectionKey, siteOf } from './selection.ts';

/** What one has to be allowed to read to see the events of an entity of a kind; others need the audit. */
const READ_PERMISSION: Readonly<Record<string, string>> = {
  site: 'site:read',
  asset: 'asset:read',
  device: 'device:read',
  rule: 'rule:read',
  'work-order': 'workorder:read',
  'order-book': 'workorder:read',
};

/** Which committed events a subscription is about. Pure, so that what comes live and what comes late is judged alike. */
export class EventSelection {
  /** Clients that may see different things never share. */
  readonly key: string;
  /** What the journal can sort out by itself. */
  readonly query: Pick<JournalQuery, 'entity' | 'kinds'>;
  readonly #live: LiveBus;
  readonly #permissions: readonly string[];
  readonly #alarmsOnly: boolean;
  readonly #site: string | undefined;
  readonly #entity: string | undefined;
  readonly #ids: ReadonlySet<string> | undefined;
  readonly #severities: ReadonlySet<string> | undefined;
  readonly #kinds: ReadonlySet<string> | undefined;

  constructor(subscription: Subscription, live: LiveBus, permissions: readonly string[]) {
    const { filter } = subscription;
    this.key = JSON.stringify([selectionKey(subscription), [...permissions].sort()]);
    this.#live = live;
    this.#permissions = permissions;
    this.#alarmsOnly = subscription.topic === 'alarms';
    this.#site = filter.site;
    this.#entity = filter.entity;
    this.#ids = filter.ids && new Set(filter.ids);
    this.#severities = filter.severity && new Set(filter.severity);
    this.#kinds = filter.kinds && new Set(filter.kinds);
    const entity = EntityId.safeParse(filter.entity);
    this.query = {
      ...(filter.kinds !== undefined && { kinds: filter.kinds }),
      ...(entity.success && { entity: entity.data }),
    };
  }

  selects(entry: JournalEntry): boolean {
    const isAlarm = entry.kind.startsWith('Alarm');
    if (this.#alarmsOnly && !isAlarm) return false;
    if (this.#kinds !== undefined && !this.#kinds.has(entry.kind)) return false;
    if (this.#entity !== undefined && entry.entity !== this.#entity) return false;
    if (this.#ids !== undefined && !this.#ids.has(nameOf(entry.entity))) return false;
    if (this.#severities !== undefined && !this.#isSevere(entry)) return false;
    if (this.#site !== undefined && this.#siteOf(entry) !== this.#site) return false;
    const needed = isAlarm ? 'alarm:read' : (READ_PERMISSION[kindOf(entry.entity)] ?? 'audit:read');
    return grants(this.#permissions, needed);
  }

  /** An alarm as it stands, for the snapshot. */
  selectsAlarm(cell: LiveCell, alarm: Json): boolean {
    if (this.#entity !== undefined && cell.id !== this.#entity) return false;
    return this.#severities === undefined || this.#severities.has(severityOf(alarm) ?? '');
  }

  /**
   * Before or after: who follows the critical alarms has to hear that one has become less. Without a severity it is not about
   * an alarm, and a filter by severity is about nothing else.
   */
  #isSevere({ before, after }: JournalEntry): boolean {
    return [severityOf(before), severityOf(after)].some(
      (severity) => severity !== undefined && this.#severities?.has(severity) === true,
    );
  }

  /** What has just been created shows its view after its first event is told; then the event itself has to know. */
  #siteOf({ entity, event }: JournalEntry): Json | undefined {
    const cell = this.#live.cell(entity);
    const shown = cell && siteOf(cell);
    return shown ?? siteIn(event) ?? siteIn(memberOf(event, 'draft'));
  }
}

/** The alarms of a cell that belong into a snapshot, each as JSON. */
export function alarmItems(cell: LiveCell, cells: Selection, events: EventSelection): string[] {
  const items: string[] = [];
  if (!cells.selects(cell)) return items;
  for (const alarm of Object.values(cell.view.alarms ?? {})) {
    if (events.selectsAlarm(cell, alarm)) items.push(JSON.stringify(alarm));
  }
  return items;
}

export function wireEvent(entry: JournalEntry, token: string): WireEvent {
  return {
    token,
    entity: entry.entity,
    seq: entry.seq,
    kind: entry.kind,
    timeMs: entry.timeMs,
    by: entry.by.user,
    event: entry.event,
    after: entry.after,
  };
}

function severityOf(alarm: Json): string | undefined {
  const severity = memberOf(alarm, 'severity');
  return typeof severity === 'string' ? severity : undefined;
}

function siteIn(event: Json | undefined): Json | undefined {
  return memberOf(event, 'site');
}

function memberOf(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) ? value[name] : undefined;
}

function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import {
  type ActorKind,
  accept,
  type Decision,
  type Effect,
  type Rejection,
  reject,
  type Turn,
} from '../../runtime/actor-kind.ts';
import { entityId } from '../../runtime/ids.ts';
import type { Json } from '../../runtime/json.ts';
import type { AssetDefinition, Plant } from '../../topology/plant.ts';
import { localDate } from '../alarm/local-date.ts';
import type { RuleScope } from '../rule/events.ts';
import { OrderBookCommand, type RequestedDraft, type WorkOrderDraft } from '../work-order/commands.ts';
import { draftAsJson } from '../work-order/draft.ts';

/**
 * The order book of a cell, `order-book/main`: gives every work order its number, and keeps at most one open order per asset
 * and rule (P-05), so that an alarm that comes back appends to the order it has. It is asked by alarms and by people, and
 * hears from each order when it has ended.
 */
export const orderBookKind: ActorKind<OrderBook, OrderBookCommand, OrderBookEvent, never, never, Register> = {
  name: 'order-book',
  command: OrderBookCommand,
  permission: (command) =>
    command.kind === 'RequestWorkOrder' && command.requestedBy === undefined ? 'workorder:create' : 'internal',
  initial: () => ({ openByKey: {}, counters: {}, oldestDate: '00000000' }),
  decide,
  evolve,
  effects,
  describe: ({ rules = {} }, event) =>
    event.kind === 'RuleNoted' ? (rules[event.rule]?.scope ?? null) : { number: event.number },
  view: ({ openByKey }) => ({ props: { openByRule: Object.keys(openByKey).length } }),
};

/** What orders may be about: the part of the plant that the book looks at. */
export type Register = Pick<Plant, 'assets' | 'workOrderTemplates' | 'cell'>;

export interface OrderBook {
  /** `asset:rule` of an alarm -> number of its open order. */
  readonly openByKey: Readonly<Record<string, string>>;
  /** Last number given, by date YYYYMMDD. */
  readonly counters: Readonly<Record<string, number>>;
  /** Dates before this one are forgotten: no number is given for them again, since it might be there already. */
  readonly oldestDate: string;
  /** Rules that were made over the API; absent in what was stored before there were any. */
  readonly rules?: Readonly<Record<string, { readonly revision: number; readonly scope: RuleScope | null }>>;
}

export type OrderBookEvent =
  | {
      readonly kind: 'WorkOrderNumbered';
      readonly number: string;
      readonly date: string;
      readonly counter: number;
      readonly draft: WorkOrderDraft;
      readonly requestedBy?: string;
    }
  | {
      readonly kind: 'OccurrenceAppended';
      readonly number: string;
      readonly date: string;
      readonly draft: WorkOrderDraft;
      readonly requestedBy?: string;
    }
  | { readonly kind: 'WorkOrderForgotten'; readonly number: string }
  | {
      readonly kind: 'RuleNoted';
      readonly rule: string;
      readonly revision: number;
      readonly scope: RuleScope | null;
    };

/** XXXXX of WO-YYYYMMDD-XXXXX. */
const NUMBERS_PER_DATE = 99_999;
const KEPT_DAYS = 3;
const DAY_MS = 86_400_000;

function decide(book: OrderBook, command: OrderBookCommand, turn: Turn<Register>): Decision<OrderBookEvent> {
  if (command.kind === 'WorkOrderEnded') {
    const { number } = command;
    return accept(Object.values(book.openByKey).includes(number) ? [{ kind: 'WorkOrderForgotten', number }] : []);
  }
  if (command.kind === 'NoteRule') {
    const { kind: _, ...noted } = command;
    const known = book.rules?.[command.rule]?.revision ?? 0;
    return accept(command.revision > known ? [{ kind: 'RuleNoted', ...noted }] : []);
  }
  const checked = check(book, command.draft, turn);
  if (!checked.ok) return checked;
  const { draft, timeZone } = checked;
  const date = usableDate(book, command.date ?? localDate(timeZone, turn.nowMs), turn.nowMs);
  const requestedBy = command.requestedBy ?? turn.by.user;
  const key = keyOf(draft);
  const open = key === null ? undefined : book.openByKey[key];
  if (open !== undefined)
    return accept([{ kind: 'OccurrenceAppended', number: open, date, draft, requestedBy }], { number: open });
  const counter = (book.counters[date] ?? 0) + 1;
  if (counter > NUMBERS_PER_DATE) {
    return reject('NUMBERS_EXHAUSTED', `${NUMBERS_PER_DATE} work orders have been numbered on ${date}`);
  }
  const number = `WO-${date}-${String(counter).padStart(5, '0')}${ofCell(turn.definition)}`;
  return accept([{ kind: 'WorkOrderNumbered', number, date, counter, draft, requestedBy }], { number });
}

/** The same for everybody who asks, whichever way they come: what an order is about has to be there. */
function check(
  book: OrderBook,
  draft: RequestedDraft,
  { definition: { assets, workOrderTemplates }, by }: Turn<Register>,
): Rejection | { readonly ok: true; readonly draft: WorkOrderDraft; readonly timeZone: string } {
  const asset = assets.get(draft.asset);
  if (asset === undefined) return reject('UNKNOWN_ASSET', `there is no asset ${draft.asset}`, 'draft.asset');
  const { site, timeZone } = asset;
  if (draft.site !== undefined && draft.site !== site)
    return reject('SITE_MISMATCH', `${draft.asset} is at the site ${site}, not at ${draft.site}`, 'draft.site');
  // An asset knows its own rules, and may have a new one before this book has heard of it.
  if (draft.rule !== null && by.via !== 'entity' && !hasRule(book, asset, draft.rule))
    return reject('UNKNOWN_RULE', `${draft.asset} has no rule ${draft.rule}`, 'draft.rule');
  if (draft.template !== null && !workOrderTemplates.has(draft.template))
    return reject('UNKNOWN_TEMPLATE', `there is no work order template ${draft.template}`, 'draft.template');
  return { ok: true, draft: { ...draft, site }, timeZone };
}

function hasRule({ rules = {} }: OrderBook, { id, profile, rules: ofFile }: AssetDefinition, rule: string): boolean {
  if (ofFile.some((each) => each.id === rule)) return true;
  const scope = rules[rule]?.scope ?? null;
  if (scope === null) return false;
  return 'asset' in scope ? scope.asset === id : scope.profile === profile;
}

/** Cells number by themselves, and their orders meet at the centre: theirs end with the name of the cell. */
function ofCell({ cell }: Register): string {
  return cell === undefined ? '' : `.${cell}`;
}

function evolve(book: OrderBook, event: OrderBookEvent): OrderBook {
  switch (event.kind) {
    case 'WorkOrderNumbered': {
      const key = keyOf(event.draft);
      const newest = latest([event.date, ...Object.keys(book.counters)]);
      const oldestDate = latest([dateOf(timeOf(newest) - KEPT_DAYS * DAY_MS), book.oldestDate]);
      const counters = Object.entries({ ...book.counters, [event.date]: event.counter });
      return {
        ...book,
        openByKey: key === null ? book.openByKey : { ...book.openByKey, [key]: event.number },
        counters: Object.fromEntries(counters.filter(([date]) => date >= oldestDate)),
        oldestDate,
      };
    }
    case 'OccurrenceAppended':
      return book;
    case 'WorkOrderForgotten': {
      const open = Object.entries(book.openByKey).filter(([, number]) => number !== event.number);
      return { ...book, openByKey: Object.fromEntries(open) };
    }
    case 'RuleNoted': {
      const { rule, revision, scope } = event;
      return { ...book, rules: { ...book.rules, [rule]: { revision, scope } } };
    }
    default:
      return unreachable(event);
  }
}

function effects(event: OrderBookEvent): readonly Effect[] {
  if (event.kind === 'WorkOrderForgotten' || event.kind === 'RuleNoted') return [];
  const { number, date, requestedBy } = event;
  const draft = draftAsJson(event.draft);
  const by = requestedBy === undefined ? {} : { requestedBy };
  const command: Json =
    event.kind === 'WorkOrderNumbered'
      ? { kind: 'CreateWorkOrder', number, draft, ...by }
      : { kind: 'AppendOccurrence', text: occurrenceText(event.draft), request: { draft, date }, ...by };
  return [{ kind: 'tell', to: entityId('work-order', number), command }];
}

/** Null for orders that a person has asked for without an alarm: each is one of its own. */
function keyOf({ asset, rule }: WorkOrderDraft): string | null {
  return rule === null ? null : `${asset}:${rule}`;
}

function occurrenceText({ title, description }: WorkOrderDraft): string {
  return `Occurred again: ${description.trim() || title}`.slice(0, 2000);
}

/**
 * The date asked for, unless the sender's clock is wrong by days or the date's counter is forgotten: then the date of our own
 * clock, or the newest date there is.
 */
function usableDate(book: OrderBook, date: string, nowMs: number): string {
  const plausible = Math.abs(timeOf(date) - nowMs) <= 2 * DAY_MS && dateOf(timeOf(date)) === date;
  const wanted = plausible ? date : dateOf(nowMs);
  return wanted >= book.oldestDate ? wanted : latest([book.oldestDate, ...Object.keys(book.counters)]);
}

/** Dates in this form sort as they follow each other. */
function latest(dates: readonly string[]): string {
  return [...dates].sort().at(-1) ?? '';
}

/** Midday, so that the distance to a local date of any time zone is less than two days. NaN for what is no date. */
function timeOf(date: string): number {
  return Date.parse(`${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6, 8)}T12:00:00Z`);
}

function dateOf(timeMs: number): string {
  return Number.isNaN(timeMs) ? '' : new Date(timeMs).toISOString().slice(0, 10).replaceAll('-', '');
}

function unreachable(event: never): never {
  throw new Error(`no such event: ${JSON.stringify(event)}`);
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type OrderBook,
  type OrderBookEvent,
  orderBookKind,
  type Register,
} from '../../../../actors/order-book/order-book.ts';
import { OrderBookCommand, WorkOrderCommand } from '../../../../actors/work-order/commands.ts';
import type { Who } from '../../../../runtime/actor-kind.ts';
import { entityId } from '../../../../runtime/ids.ts';
import { asset, rule } from '../plant.ts';

const RULES = ['hot', 'cold', 'a', 'b'].map((id) => rule({ id }));
const REGISTER: Register = {
  assets: new Map(['pump-1', 'pump-2'].map((id) => [id, asset({ id, rules: RULES, timeZone: 'Pacific/Kiritimati' })])),
  workOrderTemplates: new Map(),
};
const self = { id: entityId('order-book', 'main'), definition: REGISTER };
const DAY_MS = 86_400_000;
const NOON_MS = Date.parse('2026-11-21T12:00:00Z');

class Book {
  state: OrderBook = orderBookKind.initial(self);
  readonly events: OrderBookEvent[] = [];
  nowMs = NOON_MS;

  by: Who = { user: 'ann', via: 'http' };

  /** The number in the answer, or the code and field of the rejection. */
  give(command: unknown): unknown {
    const turn = { ...self, nowMs: this.nowMs, by: this.by, permissions: [] };
    const decision = orderBookKind.decide(this.state, OrderBookCommand.parse(command), turn);
    if (!decision.ok) return decision.field === undefined ? decision.code : `${decision.code} ${decision.field}`;
    for (const event of decision.events) {
      this.events.push(event);
      this.state = orderBookKind.evolve(this.state, event, turn);
    }
    const { result } = decision;
    return typeof result === 'object' && result !== null && 'number' in result ? result.number : undefined;
  }

  request(rule: string | null, date = '20261121', asset = 'pump-1'): unknown {
    const draft = { title: 'Bearing hot', description: '92 °C', asset, site: 'north', rule };
    return this.give({ kind: 'RequestWorkOrder', draft, date });
  }
}

const effectsOf = (book: Book) => {
  const last = book.events.at(-1);
  return last === undefined ? [] : (orderBookKind.effects?.(last, book.state, self) ?? []);
};

describe('the order book', () => {
  it('gives rising numbers per date', () => {
    const book = new Book();
    assert.equal(book.request(null), 'WO-20261121-00001');
    assert.equal(book.request(null), 'WO-20261121-00002');
    assert.equal(book.request(null, '20261122'), 'WO-20261122-00001');
    assert.equal(book.request(null), 'WO-20261121-00003');
  });

  it('has the numbered order created', () => {
    const book = new Book();
    book.request('hot');
    const [effect] = effectsOf(book);
    assert.ok(effect?.kind === 'tell');
    assert.equal(effect.to, 'work-order/WO-20261121-00001');
    const command = WorkOrderCommand.parse(effect.command);
    assert.ok(command.kind === 'CreateWorkOrder');
    assert.equal(command.number, 'WO-20261121-00001');
    assert.deepEqual([command.draft.title, command.draft.asset, command.draft.rule], ['Bearing hot', 'pump-1', 'hot']);
  });

  it('says who wanted the order, whoever passes it on', () => {
    const book = new Book();
    const told = () =>
      effectsOf(book).map((effect) => effect.kind === 'tell' && WorkOrderCommand.parse(effect.command));
    book.request('hot');
    assert.deepEqual(
      told().map((command) => command && 'requestedBy' in command && command.requestedBy),
      ['ann'],
    );
    book.by = { user: 'asset/pump-1', via: 'entity' };
    book.request('hot');
    assert.deepEqual(
      told().map((command) => command && 'requestedBy' in command && command.requestedBy),
      ['asset/pump-1'],
    );
    const passedOn = { kind: 'RequestWorkOrder', requestedBy: 'ann', draft: { title: 'x', asset: 'pump-1' } };
    assert.equal(orderBookKind.permission(OrderBookCommand.parse(passedOn)), 'internal');
    book.give(passedOn);
    assert.deepEqual(
      told().map((command) => command && 'requestedBy' in command && command.requestedBy),
      ['ann'],
    );
  });

  it('gives what the topology knows: the site of the asset, and the date there', () => {
    const book = new Book();
    const number = book.give({ kind: 'RequestWorkOrder', draft: { title: 'x', asset: 'pump-1' } });
    assert.equal(number, 'WO-20261122-00001', 'fourteen hours ahead of UTC');
    const last = book.events.at(-1);
    assert.equal(last?.kind === 'WorkOrderNumbered' && last.draft.site, 'north');
  });

  it('refuses what is about something that there is not, and names it', () => {
    const book = new Book();
    const request = (draft: object) => book.give({ kind: 'RequestWorkOrder', draft: { title: 'x', ...draft } });
    assert.equal(request({ asset: 'nosuch' }), 'UNKNOWN_ASSET draft.asset');
    assert.equal(request({ asset: 'pump-1', site: 'south' }), 'SITE_MISMATCH draft.site');
    assert.equal(request({ asset: 'pump-1', rule: 'nosuch' }), 'UNKNOWN_RULE draft.rule');
    assert.equal(request({ asset: 'pump-1', template: 'nosuch' }), 'UNKNOWN_TEMPLATE draft.template');
    assert.deepEqual(book.events, []);
  });

  it('keeps one open order per asset and rule, and appends a repeat to it', () => {
    const book = new Book();
    const number = book.request('hot');
    assert.equal(book.request('hot', '20261122'), number);
    const [effect] = effectsOf(book);
    assert.ok(effect?.kind === 'tell');
    assert.equal(effect.to, `work-order/${number}`);
    assert.match(JSON.stringify(effect.command), /"AppendOccurrence".*Occurred again: 92 °C/);
    assert.notEqual(book.request('hot', '20261121', 'pump-2'), number);
    assert.notEqual(book.request('cold'), number);
  });

  it('gives people a new order every time', () => {
    const book = new Book();
    assert.notEqual(book.request(null), book.request(null));
    assert.deepEqual(book.state.openByKey, {});
  });

  it('gives a new order once the old one has ended', () => {
    const book = new Book();
    const first = book.request('hot');
    book.give({ kind: 'WorkOrderEnded', number: first });
    assert.notEqual(book.request('hot'), first);
    book.give({ kind: 'WorkOrderEnded', number: first });
    assert.equal(book.request('hot'), 'WO-20261121-00002');
  });

  it('asks people for a permission and takes ends from work orders alone', () => {
    const permission = (command: object) => orderBookKind.permission(OrderBookCommand.parse(command));
    assert.equal(permission({ kind: 'WorkOrderEnded', number: 'x' }), 'internal');
    assert.equal(
      permission({ kind: 'RequestWorkOrder', date: '20261121', draft: { title: 'x', asset: 'a', site: 's' } }),
      'workorder:create',
    );
  });

  it('refuses a request when the numbers of a date have run out', () => {
    const book = new Book();
    book.state = { ...book.state, counters: { '20261121': 99_999 } };
    assert.equal(book.request(null), 'NUMBERS_EXHAUSTED');
  });

  it('does not believe a date that is far from its own clock', () => {
    const book = new Book();
    assert.equal(book.request(null, '20991231'), 'WO-20261121-00001');
    assert.equal(book.request(null, '20261399'), 'WO-20261121-00002');
  });

  it('never gives a number twice and stays small, over years and whatever the clocks do', () => {
    const step = fc.record({
      days: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 3 }) }, fc.integer({ min: -40, max: 400 })),
      offsetDays: fc.integer({ min: -4, max: 4 }),
      rule: fc.constantFrom(null, 'a', 'b'),
      end: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const book = new Book();
        for (const { days, offsetDays, rule, end } of steps) {
          book.nowMs += days * DAY_MS;
          const date = new Date(book.nowMs + offsetDays * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '');
          const number = book.request(rule, date);
          if (end) book.give({ kind: 'WorkOrderEnded', number });
          assert.ok(Object.keys(book.state.counters).length <= 8);
          assert.ok(Object.keys(book.state.openByKey).length <= 2);
        }
        const numbers = book.events.flatMap((event) => (event.kind === 'WorkOrderNumbered' ? [event.number] : []));
        assert.equal(new Set(numbers).size, numbers.length);
        const turn = { ...self, nowMs: 0, by: book.by, permissions: [] };
        const again = book.events.reduce(
          (state, event) => orderBookKind.evolve(state, event, turn),
          orderBookKind.initial(self),
        );
        assert.deepEqual(again, book.state);
      }),
      { numRuns: 300 },
    );
  });
});

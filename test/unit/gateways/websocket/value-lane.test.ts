import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Subscribe } from '../../../../gateways/websocket/protocol.ts';
import { Selection } from '../../../../gateways/websocket/selection.ts';
import { ValueLane } from '../../../../gateways/websocket/value-lane.ts';
import type { View } from '../../../../runtime/actor-kind.ts';
import type { Json } from '../../../../runtime/json.ts';
import { FakeOutlet } from '../../../support/fake-outlet.ts';
import { MemoryRuntime } from '../../../support/memory-runtime.ts';

function setUp() {
  const runtime = new MemoryRuntime();
  let skipped = 0;
  const lane = new ValueLane({ live: runtime.live, now: () => 7, skipped: () => skipped++ });
  runtime.live.onFlush((changed, revision) => lane.flush(changed, revision));
  const subscribe = (outlet: FakeOutlet, more: object = {}) => {
    const subscription = Subscribe.parse({ op: 'subscribe', sub: 's', topic: 'devices', ...more });
    return lane.subscribe({ selection: new Selection(subscription), sub: 's', outlet, token: '0' });
  };
  return { runtime, lane, subscribe, skipped: () => skipped };
}

/** What a client knows after its frames: groups of fields by entity, null fields gone. */
function knows(outlet: FakeOutlet): Record<string, Record<string, Record<string, unknown>>> {
  const known: Record<string, Record<string, Record<string, unknown>>> = {};
  for (const item of [...outlet.all('snapshot', 'items'), ...outlet.all('delta', 'items')]) {
    const { id, ...groups } = item as { id: string } & Record<string, Record<string, unknown>>;
    const entity = known[id] ?? {};
    known[id] = entity;
    for (const [group, fields] of Object.entries(groups)) {
      const target = entity[group] ?? {};
      entity[group] = target;
      for (const [key, value] of Object.entries(fields)) {
        if (value === null) delete target[key];
        else target[key] = value;
      }
      if (Object.keys(target).length === 0) delete entity[group];
    }
  }
  return known;
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('set' as const),
      device: fc.integer({ min: 0, max: 5 }),
      key: fc.constantFrom('a', 'b', 'c'),
      value: fc.option(fc.integer({ min: 0, max: 3 })),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('congest' as const), room: fc.integer({ min: 0, max: 2 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drain' as const) }) },
);

describe('the lane of values', () => {
  it('leaves every client with the newest values, however congested it was in between', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { runtime, subscribe } = setUp();
        const views = new Map<string, Record<string, Json>>();
        const outlet = new FakeOutlet();
        const fast = new FakeOutlet();
        const feed = subscribe(outlet);
        subscribe(fast);
        for (const one of steps) {
          if (one.do === 'set') {
            const values = { ...views.get(`d${one.device}`) };
            if (one.value === null) delete values[one.key];
            else values[one.key] = one.value;
            views.set(`d${one.device}`, values);
            runtime.set(`device/d${one.device}`, { values });
          }
          if (one.do === 'flush') runtime.live.flush();
          if (one.do === 'congest') outlet.room = one.room;
          if (one.do === 'drain') {
            outlet.room = Number.POSITIVE_INFINITY;
            feed.pump();
          }
        }
        outlet.room = Number.POSITIVE_INFINITY;
        runtime.live.flush();
        feed.pump();
        const wanted: Record<string, unknown> = {};
        for (const [id, values] of views) {
          if (
            runtime.live.cells('device').some((cell) => cell.id === `device/${id}`) &&
            Object.keys(values).length > 0
          ) {
            wanted[id] = { values };
          }
        }
        const withoutEmpty = (known: ReturnType<typeof knows>) =>
          Object.fromEntries(Object.entries(known).filter(([, groups]) => Object.keys(groups).length > 0));
        assert.deepEqual(withoutEmpty(knows(outlet)), wanted);
        assert.deepEqual(withoutEmpty(knows(fast)), wanted);
        runtime.close();
      }),
      { numRuns: 500 },
    );
  });

  it('sends a congested client nothing, and then one frame with the newest', () => {
    const { runtime, subscribe, skipped } = setUp();
    runtime.set('device/d', { values: { a: 0 } });
    runtime.live.flush();
    const outlet = new FakeOutlet();
    const feed = subscribe(outlet);
    outlet.room = 0;
    for (let i = 1; i <= 100; i++) {
      runtime.set('device/d', { values: { a: i } });
      runtime.live.flush();
    }
    assert.equal(outlet.frames.length, 1);
    assert.equal(skipped(), 1);
    outlet.room = 9;
    feed.pump();
    assert.deepEqual(outlet.frames.slice(1), [
      { op: 'delta', sub: 's', timeMs: 7, items: [{ id: 'd', values: { a: 100 } }] },
    ]);
    runtime.set('device/d', { values: { a: 101 } });
    runtime.live.flush();
    assert.deepEqual(outlet.frames.at(-1)?.items, [{ id: 'd', values: { a: 101 } }]);
    runtime.close();
  });

  it('lets a client that takes one frame at a time get through more than it can take at once', () => {
    const { runtime, subscribe } = setUp();
    const text = 'x'.repeat(40_000);
    for (let i = 0; i < 20; i++) runtime.set(`device/d${i}`, { props: { text } });
    runtime.live.flush();
    const outlet = new FakeOutlet();
    outlet.room = 1;
    const feed = subscribe(outlet);
    for (let i = 0; i < 30 && feed.walk !== undefined; i++) {
      outlet.room = 1;
      runtime.set('device/d0', { values: { a: i } });
      runtime.live.flush();
      feed.pump();
    }
    assert.equal(feed.walk, undefined);
    const snapshots = outlet.frames.filter(({ op }) => op === 'snapshot');
    assert.deepEqual(
      snapshots.map(({ more }) => more),
      [...snapshots.slice(1).map(() => true), false],
    );
    assert.equal(Object.keys(knows(outlet)).length, 20);
    runtime.close();
  });

  it('sends only what was asked for', () => {
    const { runtime, subscribe } = setUp();
    const view = (site: string, a: number, name: string): View => ({ props: { site, name }, values: { a, b: 1 } });
    runtime.set('device/one', view('north', 1, 'One'));
    runtime.set('device/two', view('south', 1, 'Two'));
    runtime.live.flush();
    const fields = new FakeOutlet();
    const site = new FakeOutlet();
    const ids = new FakeOutlet();
    subscribe(fields, { fields: ['values.a', 'props'] });
    subscribe(site, { filter: { site: 'south' } });
    subscribe(ids, { filter: { ids: ['one', 'no such', 'Ü'] } });
    runtime.set('device/one', view('north', 2, 'One'));
    runtime.set('device/two', { ...view('south', 1, 'Two'), values: { a: 1, b: 2 } });
    runtime.live.flush();
    assert.deepEqual(fields.all('delta', 'items'), [{ id: 'one', values: { a: 2 } }]);
    assert.deepEqual(site.all('delta', 'items'), [{ id: 'two', values: { b: 2 } }]);
    assert.deepEqual(ids.all('snapshot', 'items'), [{ id: 'one', ...view('north', 1, 'One') }]);
    assert.deepEqual(ids.all('delta', 'items'), [{ id: 'one', values: { a: 2 } }]);
    const one = new FakeOutlet();
    subscribe(one, { filter: { ids: ['two'] } });
    runtime.set('device/one', { ...view('north', 3, 'One') });
    runtime.set('device/two', { ...view('south', 3, 'Two') });
    runtime.live.flush();
    assert.deepEqual(one.all('delta', 'items'), [{ id: 'two', values: { a: 3, b: 1 } }]);
    runtime.set('device/one', view('south', 3, 'One'));
    runtime.live.flush();
    assert.deepEqual(site.all('delta', 'items').at(-1), { id: 'one', ...view('south', 3, 'One') });
    runtime.close();
  });

  it('makes a delta once for a thousand clients that want the same', () => {
    const { runtime, lane, subscribe } = setUp();
    runtime.set('device/d', { values: { a: 0 } });
    runtime.live.flush();
    const outlets = Array.from({ length: 1000 }, () => new FakeOutlet());
    for (const outlet of outlets) subscribe(outlet);
    assert.equal(lane.selections, 1);
    let serialised = 0;
    runtime.set('device/d', { values: { a: { toJSON: () => ++serialised } as unknown as Json } });
    runtime.live.flush();
    assert.equal(serialised, 1);
    assert.ok(outlets.every((outlet) => outlet.frames.at(-1)?.op === 'delta'));
    runtime.close();
  });
});

/**
 * Goal: what a client knows after snapshot and deltas is what a fresh snapshot says, for every topic and filter, whatever
 * appears, moves, changes and goes in between, and however often the client could not keep up.
 * Method: random steps on the real live bus; at random moments a client is compared with one that subscribes just then.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Subscribe } from '../../../../gateways/websocket/protocol.ts';
import { Selection } from '../../../../gateways/websocket/selection.ts';
import { ValueLane } from '../../../../gateways/websocket/value-lane.ts';
import { entityId } from '../../../../runtime/ids.ts';
import type { Json } from '../../../../runtime/json.ts';
import { LiveCells } from '../../../../runtime/live-cells.ts';
import { FakeOutlet } from '../../../support/fake-outlet.ts';

const KINDS = { sites: 'site', assets: 'asset', devices: 'device', workorders: 'work-order' } as const;
const TOPICS = Object.keys(KINDS) as (keyof typeof KINDS)[];
const SELECTIONS = [
  {},
  { filter: { site: 'north' } },
  { filter: { ids: ['e0', 'e1', 'north'] } },
  { filter: { ids: ['e0', 'e2'], site: 'south' } },
  { fields: ['values.a'] },
  { fields: ['values.a', 'props.site'], filter: { site: 'north' } },
  { fields: ['marks', 'values.b'], filter: { site: 'south' } },
];

type Known = Map<string, Record<string, Record<string, unknown>>>;

/** As a client does: null takes a field away, `gone` the whole entity. */
function apply(known: Known, items: readonly unknown[], isSnapshot: boolean): void {
  for (const item of items) {
    const { id, gone, ...groups } = item as { id: string; gone?: true } & Record<string, Record<string, unknown>>;
    if (gone) {
      known.delete(id);
      continue;
    }
    const entity = isSnapshot ? {} : { ...known.get(id) };
    for (const [group, fields] of Object.entries(groups)) {
      const merged: Record<string, unknown> = { ...entity[group], ...fields };
      for (const key of Object.keys(merged)) if (merged[key] === null) delete merged[key];
      entity[group] = merged;
      if (Object.keys(merged).length === 0) delete entity[group];
    }
    known.set(id, entity);
  }
}

function knows(outlet: FakeOutlet): Known {
  const known: Known = new Map();
  for (const { op, items } of outlet.frames) apply(known, items as unknown[], op === 'snapshot');
  return known;
}

const site = fc.constantFrom('north', 'south', null);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('show' as const),
      entity: fc.constantFrom('e0', 'e1', 'e2', 'north'),
      site,
      a: fc.option(fc.integer({ min: 0, max: 2 })),
      b: fc.option(fc.integer({ min: 0, max: 2 })),
      marked: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('hide' as const), entity: fc.constantFrom('e0', 'e1', 'e2', 'north') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refresh' as const), entity: fc.constantFrom('e0', 'e1') }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('congest' as const), room: fc.integer({ min: 0, max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drain' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('compare' as const) }) },
);

function viewOf(shown: { site: string | null; a: number | null; b: number | null; marked: boolean }) {
  const values: Record<string, Json> = {};
  if (shown.a !== null) values.a = shown.a;
  if (shown.b !== null) values.b = shown.b;
  return { props: { site: shown.site, name: 'N' }, values, marks: shown.marked ? { a: { quality: 'BAD' } } : {} };
}

describe('snapshot and deltas', () => {
  for (const topic of TOPICS) {
    for (const selection of SELECTIONS) {
      it(`of ${topic} ${JSON.stringify(selection)} make what a fresh snapshot says`, () => {
        fc.assert(
          fc.property(fc.array(step, { minLength: 4, maxLength: 40 }), (steps) => {
            const shown = new Map<string, ReturnType<typeof viewOf>>();
            const live = new LiveCells({ flushIntervalMs: 1000, failed: (_, error) => assert.fail(String(error)) });
            const lane = new ValueLane({ live, now: () => 1, skipped: () => {} });
            live.onFlush((changed, revision) => lane.flush(changed, revision));
            const subscribe = (outlet: FakeOutlet) => {
              const subscription = Subscribe.parse({ op: 'subscribe', sub: 's', topic, ...selection });
              return lane.subscribe({ selection: new Selection(subscription), sub: 's', outlet, token: '0' });
            };
            const outlet = new FakeOutlet();
            const feed = subscribe(outlet);
            const compare = () => {
              outlet.room = Number.POSITIVE_INFINITY;
              feed.pump();
              const fresh = new FakeOutlet();
              subscribe(fresh).close();
              assert.deepEqual(knows(outlet), knows(fresh));
            };
            for (const one of steps) {
              const id = 'entity' in one ? entityId(KINDS[topic], one.entity) : undefined;
              if (one.do === 'show' && id) {
                const view = viewOf(one);
                // As an actor's: what is asked for at the flush is the newest.
                shown.set(id, view);
                live.touch(id, () => shown.get(id) ?? {});
              }
              if (one.do === 'hide' && id) {
                shown.delete(id);
                live.touch(id, () => shown.get(id) ?? {});
              }
              if (one.do === 'refresh' && id) live.refresh(id);
              if (one.do === 'flush') live.flush();
              if (one.do === 'congest') outlet.room = one.room;
              if (one.do === 'drain') {
                outlet.room = Number.POSITIVE_INFINITY;
                feed.pump();
              }
              if (one.do === 'compare') compare();
            }
            live.flush();
            compare();
            live.close();
          }),
          { numRuns: 150 },
        );
      });
    }
  }
});

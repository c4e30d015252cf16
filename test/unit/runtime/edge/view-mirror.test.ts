import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { View } from '../../../../runtime/actor-kind.ts';
import { ViewLane } from '../../../../runtime/edge/view-lane.ts';
import type { ViewMessage } from '../../../../runtime/edge/view-message.ts';
import { ViewMirror } from '../../../../runtime/edge/view-mirror.ts';
import { type EntityId, entityId } from '../../../../runtime/ids.ts';
import { isGone } from '../../../../runtime/live-bus.ts';
import { LiveCells } from '../../../../runtime/live-cells.ts';
import { until } from '../../../support/condition.ts';

const DAY_MS = 86_400_000;

/** Live cells of an edge, a lane over a link that may lose what it is told to, and a mirror. */
class Scene {
  readonly live = new LiveCells({ flushIntervalMs: 2, failed: (_, error) => assert.fail(String(error)) });
  readonly shown = new Map<EntityId, View | undefined>();
  readonly links: boolean[] = [];
  lose = false;
  failPages = 0;
  pages = 0;
  /** Runs before a page is answered. */
  beforePage: () => void = () => undefined;
  nowMs = 1000;
  lane: ViewLane;
  readonly mirror: ViewMirror;

  constructor() {
    this.lane = this.startLane();
    this.mirror = new ViewMirror({
      page: async (after) => {
        this.pages++;
        if (this.failPages > 0) {
          this.failPages--;
          throw new Error('lost');
        }
        this.beforePage();
        return structuredClone(this.lane.page(after));
      },
      changed: (id, view) => this.shown.set(id, view),
      linkChanged: () => this.links.push(this.mirror.state.linked),
      now: () => this.nowMs,
    });
  }

  startLane(): ViewLane {
    return new ViewLane({
      live: this.live,
      kinds: ['asset'],
      tell: (message: ViewMessage) => {
        if (!this.lose) this.mirror.take(structuredClone(message));
      },
      status: () => ({}),
      intervalMs: DAY_MS,
      beatMs: 0,
    });
  }

  set(id: EntityId, view: View): void {
    this.live.touch(id, () => view);
    this.live.flush();
  }

  async settled(): Promise<void> {
    await until('the mirror shows what the edge shows', () => {
      this.lane.tick();
      return this.agrees();
    });
  }

  agrees(): boolean {
    const here = this.live.cells('asset').filter((cell) => !isGone(cell));
    if (this.mirror.size !== here.length) return false;
    return here.every(({ id, view }) => {
      try {
        assert.deepEqual(this.mirror.view(id), view);
        assert.deepEqual(this.shown.get(id), view);
        return true;
      } catch {
        return false;
      }
    });
  }

  end(): void {
    this.lane.stop();
    this.live.close();
  }
}

const ids = ['a', 'b', 'c', 'd'].map((name) => entityId('asset', name));

test('whatever messages are lost and whenever pages fail, the mirror comes to show what the edge shows', async () => {
  const field = fc.option(fc.integer({ min: 0, max: 3 }), { nil: null });
  const change = fc.record({
    entity: fc.integer({ min: 0, max: 3 }),
    props: fc.dictionary(fc.constantFrom('x', 'y', 'z'), field),
    gone: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    lose: fc.boolean(),
    failPage: fc.boolean(),
    tick: fc.boolean(),
    wait: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 25 }), async (changes) => {
      const scene = new Scene();
      try {
        for (const { entity, props, gone, lose, failPage, tick, wait } of changes) {
          const id = ids[entity];
          assert.ok(id);
          if (gone) scene.live.remove(id);
          else scene.set(id, { props: { n: entity, ...props } });
          scene.lose = lose;
          if (failPage) scene.failPages = 1;
          if (tick) scene.lane.tick();
          if (wait) await new Promise((resolve) => setImmediate(resolve));
        }
        scene.lose = false;
        await scene.settled();
      } finally {
        scene.end();
      }
    }),
    { numRuns: 150 },
  );
});

test('a field that is null is not one that went away', async () => {
  const scene = new Scene();
  const [a = entityId('asset', 'a')] = ids;
  scene.set(a, { props: { worst: 'HIGH' }, alarms: { hot: { state: 'ACTIVE' } } });
  await scene.settled();
  scene.set(a, { props: { worst: null }, alarms: {} });
  scene.lane.tick();
  assert.deepEqual(scene.mirror.view(a), { props: { worst: null }, alarms: {} });
  assert.equal(scene.pages, 1, 'told as a change, not fetched');
  scene.end();
});

test('what changes between two pages is not lost under an older page', async () => {
  const scene = new Scene();
  const many = Array.from({ length: 130 }, (_, index) => entityId('asset', `m${String(index).padStart(3, '0')}`));
  for (const id of many) scene.set(id, { props: { n: 0 } });
  let n = 0;
  scene.beforePage = () => {
    for (const id of [many[0], many[75], many[129]]) if (id) scene.set(id, { props: { n: ++n } });
    scene.lane.tick();
  };
  scene.lane.tick();
  await until('it shows all', () => scene.agrees());
  assert.equal(scene.pages, 3);
  scene.end();
});

test('silence makes the link lost and leaves what was shown; the next word brings it back', async () => {
  const scene = new Scene();
  const [a = entityId('asset', 'a')] = ids;
  scene.set(a, { props: { n: 1 } });
  await scene.settled();
  assert.deepEqual(scene.links, [true]);
  scene.nowMs += 3000;
  scene.mirror.tick();
  assert.deepEqual(scene.links, [true]);
  scene.nowMs += 1;
  scene.mirror.tick();
  assert.deepEqual(scene.links, [true, false]);
  assert.deepEqual(scene.mirror.view(a), { props: { n: 1 } });
  assert.equal(scene.mirror.state.heardMs, 1000);
  scene.lane.tick();
  assert.deepEqual(scene.links, [true, false, true]);
  scene.end();
});

test('an edge that was started again is shown anew, and what it has no more goes away', async () => {
  const scene = new Scene();
  const [a = entityId('asset', 'a'), b = entityId('asset', 'b')] = ids;
  scene.set(a, { props: { n: 1 } });
  scene.set(b, { props: { n: 1 } });
  await scene.settled();
  scene.lane.stop();
  scene.live.remove(b);
  scene.set(a, { props: { n: 2 } });
  scene.lane = scene.startLane();
  await scene.settled();
  assert.equal(scene.shown.get(b), undefined);
  scene.end();
});

test('an image of before is shown until the cell is heard, and never instead of what it says', async () => {
  const scene = new Scene();
  const [a = entityId('asset', 'a'), b = entityId('asset', 'b')] = ids;
  scene.mirror.restore({
    heardMs: 5,
    views: [
      [a, { props: { n: 'old' } }],
      [b, { props: { n: 'old' } }],
    ],
  });
  assert.deepEqual(scene.shown.get(a), { props: { n: 'old' } });
  assert.equal(scene.mirror.state.linked, false);
  assert.equal(scene.mirror.state.heardMs, 5);
  scene.set(a, { props: { n: 'new' } });
  await scene.settled();
  assert.equal(scene.mirror.view(b), undefined);
  scene.mirror.restore({ heardMs: 6, views: [[a, { props: { n: 'older' } }]] });
  assert.deepEqual(scene.mirror.view(a), { props: { n: 'new' } });
  scene.end();
});

test('devices with thousands of points come in more messages and pages, none of which is large', async () => {
  const scene = new Scene();
  const values = Object.fromEntries(Array.from({ length: 900 }, (_, n) => [`point-${n}`, n]));
  const ids = Array.from({ length: 7 }, (_, n) => entityId('asset', `a${n}`));
  ids.push(entityId('asset', 'whole-plant'));
  const sizes: number[] = [];
  const sizeOf = (changes: ViewMessage['changes']) =>
    changes.reduce((sum, { groups }) => sum + Object.values(groups).flatMap(Object.keys).length, 0);
  const told: ViewMessage[] = [];
  const lane = new ViewLane({
    live: scene.live,
    kinds: ['asset'],
    tell: (message) => told.push(message),
    status: () => ({}),
    intervalMs: DAY_MS,
  });
  for (const id of ids) scene.set(id, { values });
  // More than goes together, and yet one entity.
  const most = Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`point-${n}`, n]));
  scene.set(entityId('asset', 'whole-plant'), { values: most });
  scene.live.flush();
  lane.tick();
  lane.stop();
  for (const { changes } of told) sizes.push(sizeOf(changes));
  assert.deepEqual(sizes, [1800, 1800, 1800, 900, 3000]);
  const paged: string[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const page = lane.page(after);
    assert.ok(page.changes.length === 1 || sizeOf(page.changes) <= 2000);
    paged.push(...page.changes.map(({ id }) => id));
    after = page.next;
  }
  assert.deepEqual(paged, ids);
  scene.end();
});

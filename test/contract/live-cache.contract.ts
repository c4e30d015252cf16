import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { View } from '../../runtime/actor-kind.ts';
import type { EntityId } from '../../runtime/ids.ts';
import type { Group } from '../../runtime/live-bus.ts';
import type { LiveCache, NodeViews } from '../../runtime/live-cache.ts';
import { LiveCells } from '../../runtime/live-cells.ts';
import { LivePublisher } from '../../runtime/live-publisher.ts';
import { type Epoch, type Shard, shardOf } from '../../runtime/ownership.ts';
import { until } from '../support/condition.ts';
import { groupOf, thing } from '../support/live-nodes.ts';
import { MemoryLaneHub } from '../support/memory-live-lane.ts';

/** One node that shows things of its own, without the others. */
export class Shower {
  readonly node: string;
  readonly live = new LiveCells({
    flushIntervalMs: 1,
    failed: (id, error) => {
      throw new Error(`view of ${id}`, { cause: error });
    },
  });
  readonly own: LivePublisher;
  readonly epochs = new Map<Shard, Epoch>();

  constructor(node: string, run: string, cache: LiveCache | undefined) {
    this.node = node;
    this.own = new LivePublisher({
      node,
      run,
      live: this.live,
      lane: new MemoryLaneHub().lane(),
      cache,
      groupOf,
      shardOf,
      epochOf: (shard) => this.epochs.get(shard),
      isWanted: () => false,
      intervalMs: 1,
      dropped: () => assert.fail('nothing is sent'),
    });
    this.live.onFlush((cells) => this.own.changed(cells));
  }

  show(id: EntityId, view: View, epoch = 1): void {
    this.epochs.set(shardOf(id), epoch);
    this.live.touch(id, () => view);
    this.live.flush();
  }

  close(): void {
    this.own.close();
    this.live.close();
  }
}

export interface LiveCacheUnderTest {
  /** A node whose views can be read. */
  shower(node: string): Shower;
  /** What another node reads. */
  read(groups: readonly Group[] | 'all'): Promise<readonly NodeViews[]>;
}

const PUMP = thing('north', 'pump');
const FAN = thing('north', 'fan');
const SAW = thing('south', 'saw');

/** What holds wherever the newest views of a group are read from. */
export function liveCacheContract(open: () => LiveCacheUnderTest): void {
  const viewsOf = (found: readonly NodeViews[], node: string) =>
    Object.fromEntries((found.find((one) => one.node === node)?.views ?? []).map(({ id, view }) => [id, view]));
  const isRead = async (cache: LiveCacheUnderTest, node: string, views: Record<string, View>) => {
    let last: unknown;
    await until(`${node} has ${JSON.stringify(views)}`, async () => {
      last = viewsOf(await cache.read('all'), node);
      return JSON.stringify(Object.entries(views).sort()) === JSON.stringify(Object.entries(last ?? {}).sort());
    }).catch((error: unknown) => {
      throw new Error(`${JSON.stringify(last)} ${error}`, { cause: error });
    });
  };

  it('gives the newest view of each entity, with whose it is and how new', async () => {
    const cache = open();
    const a = cache.shower('a');
    a.show(PUMP, { values: { flow: 1, heat: null } }, 4);
    a.show(PUMP, { values: { flow: 2, heat: null }, props: { name: 'Pump', tags: ['x', { y: 1 }] } }, 4);
    await isRead(cache, 'a', {
      [PUMP]: { values: { flow: 2, heat: null }, props: { name: 'Pump', tags: ['x', { y: 1 }] } },
    });
    const [views] = (await cache.read('all')).filter(({ node }) => node === 'a');
    assert.equal(views?.run, a.own.run);
    assert.equal(views?.views[0]?.epoch, 4);
    assert.equal(views?.views[0]?.group, 'north');
    assert.equal(views?.views[0]?.revision, a.live.cell(PUMP)?.revision);
    await until('the number follows', async () => {
      const [now] = (await cache.read(['north'])).filter(({ node }) => node === 'a');
      return now?.numbers.get('north') === a.own.numberOf('north');
    });
  });

  it('reads the groups that are asked for and no other', async () => {
    const cache = open();
    const b = cache.shower('b');
    b.show(SAW, { values: { speed: 1 } });
    b.show(PUMP, { values: { flow: 1 } });
    await isRead(cache, 'b', { [SAW]: { values: { speed: 1 } }, [PUMP]: { values: { flow: 1 } } });
    assert.deepEqual(viewsOf(await cache.read(['south']), 'b'), { [SAW]: { values: { speed: 1 } } });
    assert.deepEqual(viewsOf(await cache.read(['none']), 'b'), {});
  });

  it('has nothing of what is gone, nor of what its node does not own any more', async () => {
    const cache = open();
    const c = cache.shower('c');
    c.show(PUMP, { values: { flow: 1 } });
    c.show(FAN, { values: { speed: 1 } });
    await isRead(cache, 'c', { [PUMP]: { values: { flow: 1 } }, [FAN]: { values: { speed: 1 } } });
    c.live.remove(PUMP);
    await isRead(cache, 'c', { [FAN]: { values: { speed: 1 } } });
    c.epochs.delete(shardOf(FAN));
    c.live.mirror(FAN, () => ({ values: { speed: 2 } }));
    c.live.flush();
    await isRead(cache, 'c', {});
  });

  it('gives many views, each once', async () => {
    const cache = open();
    const d = cache.shower('d');
    const expected: Record<string, View> = {};
    for (let n = 0; n < 2000; n++) {
      const id = thing('many', n);
      d.epochs.set(shardOf(id), 1);
      const view = { values: { n }, props: { text: 'x'.repeat(200) } };
      expected[id] = view;
      d.live.touch(id, () => view);
    }
    d.live.flush();
    await isRead(cache, 'd', expected);
    const views = (await cache.read(['many'])).flatMap((one) => one.views);
    assert.equal(new Set(views.map(({ id }) => id)).size, views.length);
  });
}

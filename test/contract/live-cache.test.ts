import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RedisKey } from 'ioredis';
import { readFromOwner, serveOwnViews } from '../../runtime/live-owners.ts';
import { RedisLink } from '../../runtime/redis/connection.ts';
import { RedisLiveCache } from '../../runtime/redis/live-cache.ts';
import { until } from '../support/condition.ts';
import { MemoryLinks, thing } from '../support/live-nodes.ts';
import { noRedis, RedisServer } from '../support/servers/redis.ts';
import { liveCacheContract, Shower } from './live-cache.contract.ts';

const PUMP = thing('north', 'pump');

describe('views read from their owners', () => {
  const links = new MemoryLinks();
  const reader = links.link('reader');
  const showers: Shower[] = [];
  after(() => {
    for (const shower of showers) shower.close();
  });

  liveCacheContract(() => ({
    shower: (node) => {
      const shower = new Shower(node, `run-${node}`, undefined);
      showers.push(shower);
      serveOwnViews(links.link(node), shower.own);
      return shower;
    },
    read: (groups) => Promise.all(reader.nodes.map((node) => readFromOwner(reader, node, groups))),
  }));
});

describe('views in Redis', { skip: noRedis }, () => {
  let server: RedisServer;
  const open: { close(): unknown }[] = [];
  before(async () => {
    server = await RedisServer.start({ password: 'a secret & more' });
  });
  after(async () => {
    for (const one of open.splice(0).reverse()) await one.close();
    await server.remove();
  });

  const cacheOf = (cell: string, node: string, timing: object = {}) => {
    const link = new RedisLink(server.url, node);
    const cache = new RedisLiveCache({ link, cell, node, timing: { writeIntervalMs: 5, ...timing } });
    open.push(cache);
    return cache;
  };
  const showerOf = (cell: string, node: string, run = `run-${node}`, timing: object = {}) => {
    const cache = cacheOf(cell, node, timing);
    const shower = new Shower(node, run, cache);
    cache.keep(shower.own);
    open.push(shower);
    return { shower, cache };
  };

  let cells = 0;
  liveCacheContract(() => {
    const cell = `contract-${cells++}`;
    const reader = cacheOf(cell, 'reader');
    return {
      shower: (node) => showerOf(cell, node).shower,
      read: async (groups) => {
        await until('Redis answers', () => reader.usable);
        return reader.read(groups);
      },
    };
  });

  it('has nothing of an earlier process, and nothing of what nobody renews', async () => {
    const first = showerOf('runs', 'a', 'one', { expiryMs: 400, renewIntervalMs: 100 });
    const reader = cacheOf('runs', 'reader');
    await until('Redis answers', () => reader.usable && first.cache.usable);
    first.shower.show(thing('north', 'old'), { values: { n: 1 } });
    await until('it is kept', async () => (await reader.read('all')).length === 1);
    // Longer than the expiry: it is renewed.
    const sinceMs = Date.now();
    await until('it has been renewed', () => Date.now() - sinceMs > 700);
    assert.equal((await reader.read('all'))[0]?.views.length, 1);
    first.shower.close();
    await first.cache.close();
    const second = showerOf('runs', 'a', 'two', { expiryMs: 400, renewIntervalMs: 100 });
    await until('Redis answers', () => second.cache.usable);
    second.shower.show(thing('north', 'new'), { values: { n: 2 } });
    await until('only the new run is there', async () => {
      const [views] = await reader.read('all');
      return views?.run === 'two' && views.views.length === 1 && views.views[0]?.id === thing('north', 'new');
    });
    second.shower.close();
    await second.cache.close();
    await until('nobody renews it', async () => (await reader.read('all')).length === 0);
    const client = server.client();
    try {
      // A renewal that was on its way puts the node on the list of nodes again; who reads that it has nothing takes it off.
      await until('nothing is left', async () => {
        await reader.read('all');
        return (await client.keys('signalbox:runs:*')).length === 0;
      });
    } finally {
      client.disconnect();
    }
  });

  it('keeps a node on the list whose first views come while a reader finds none of it', async () => {
    const link = new RedisLink(server.url, 'reader');
    const reader = new RedisLiveCache({ link, cell: 'first', node: 'reader' });
    open.push(reader);
    const { shower, cache } = showerOf('first', 'a');
    const client = server.client();
    open.push({ close: () => client.disconnect() });
    await client.sadd('signalbox:first:live:nodes', 'a');
    await until('Redis answers', () => reader.usable && cache.usable);
    const members = link.client.smembers.bind(link.client);
    let between = 0;
    link.client.smembers = async (key: RedisKey) => {
      const found = await members(key);
      if (key === 'signalbox:first:live:a:groups' && between++ === 0) {
        assert.deepEqual(found, []);
        shower.show(PUMP, { values: { n: 1 } });
        await until('it is written', async () => (await members(key)).length > 0);
      }
      return found;
    };
    await reader.read('all');
    assert.equal(between, 1);
    assert.deepEqual(
      (await reader.read('all')).map(({ node, views }) => [node, views.length]),
      [['a', 1]],
    );
  });

  it('never takes a hash that Redis has let go of, and that is being written again, for all there is', async () => {
    const { shower, cache } = showerOf('evicted', 'a');
    const reader = cacheOf('evicted', 'reader');
    await until('Redis answers', () => reader.usable && cache.usable);
    const ids = Array.from({ length: 1200 }, (_, n) => thing('north', n));
    for (const id of ids) shower.show(id, { values: { n: 0 } });
    const client = server.client();
    open.push({ close: () => client.disconnect() });
    let claimed = 0;
    const isWhole = async () => {
      const [views] = await reader.read(['north']);
      if (views?.numbers.get('north') === undefined) return false;
      claimed++;
      assert.equal(views.views.length, ids.length, 'it says that this is all');
      return true;
    };
    await until('all are kept', isWhole);
    for (let round = 1; round <= 10; round++) {
      await client.del('signalbox:evicted:live:a:group:north');
      shower.show(thing('north', 7), { values: { n: round } });
      await until(`it is whole again (${round})`, isWhole);
    }
    assert.ok(claimed > 10);
  });

  it('writes anew what Redis has let go of though nothing changes', async () => {
    const { shower } = showerOf('quiet', 'a', 'one', { renewIntervalMs: 50 });
    const reader = cacheOf('quiet', 'reader');
    await until('Redis answers', () => reader.usable);
    shower.show(PUMP, { values: { n: 1 } });
    const isThere = async () => (await reader.read('all'))[0]?.views.length === 1;
    await until('it is kept', isThere);
    const client = server.client();
    open.push({ close: () => client.disconnect() });
    await client.del('signalbox:quiet:live:a:group:north');
    await until('it is kept again', isThere);
    await client.del('signalbox:quiet:live:a:groups', 'signalbox:quiet:live:nodes');
    await until('it is on the lists again', isThere);
  });

  it('says nothing of a node of which it lacks a group, and has no group that only the run before had', async () => {
    const { shower: first, cache } = showerOf('groups', 'a', 'one');
    const reader = cacheOf('groups', 'reader');
    await until('Redis answers', () => reader.usable && cache.usable);
    first.show(PUMP, { values: { n: 1 } });
    first.show(thing('south', 'saw'), { values: { n: 1 } });
    const groups = async () => [...((await reader.read('all'))[0]?.numbers.keys() ?? [])].sort().join();
    await until('both groups are kept', async () => (await groups()) === 'north,south');
    const client = server.client();
    open.push({ close: () => client.disconnect() });
    await client.del('signalbox:groups:live:a:group:south');
    assert.deepEqual(await reader.read('all'), []);
    assert.deepEqual(await reader.read(['south']), []);
    assert.equal((await reader.read(['north'])).length, 1);
    first.close();
    await cache.close();
    const { shower: second } = showerOf('groups', 'a', 'two');
    second.show(PUMP, { values: { n: 2 } });
    await until('one group is kept', async () => (await groups()) === 'north');
    assert.deepEqual(await client.smembers('signalbox:groups:live:a:groups'), ['north']);
  });

  it('leaves a node out of which a group was written from the beginning while it was read', async () => {
    const link = new RedisLink(server.url, 'reader');
    const reader = new RedisLiveCache({ link, cell: 'rewritten', node: 'reader' });
    open.push(reader);
    const { shower } = showerOf('rewritten', 'a', 'one', { renewIntervalMs: 50 });
    shower.show(PUMP, { values: { n: 1 } });
    await until('Redis answers', () => reader.usable);
    const isThere = async () => (await reader.read('all'))[0]?.views.length === 1;
    await until('it is kept', isThere);
    const scan = link.client.hscanBuffer.bind(link.client) as (...args: unknown[]) => Promise<[Buffer, Buffer[]]>;
    const client = server.client();
    open.push({ close: () => client.disconnect() });
    const key = 'signalbox:rewritten:live:a:group:north';
    let between = 0;
    link.client.hscanBuffer = (async (...args: unknown[]) => {
      if (between++ > 0) return scan(...args);
      await client.del(key);
      const found = await scan(...args);
      await until('it is written again', async () => (await client.hlen(key)) === 2);
      return found;
    }) as typeof link.client.hscanBuffer;
    assert.deepEqual(await reader.read('all'), []);
    assert.ok(between > 0);
    await until('it is read', isThere);
  });

  it('is unusable while Redis is away or hangs, says so without the password, and is whole again after it', async () => {
    const { shower, cache } = showerOf('away', 'a');
    await until('Redis answers', () => cache.usable);
    const ids = Array.from({ length: 500 }, (_, n) => thing('north', n));
    for (const id of ids) shower.show(id, { values: { n: 0 } });
    await until('all are kept', async () => (await cache.read('all'))[0]?.views.length === ids.length);

    server.suspend();
    await assert.rejects(cache.read('all'));
    assert.equal(cache.usable, false, 'nobody is made to wait for it again');
    assert.match(cache.state.detail, /did not answer in time$/);
    server.resume();
    await server.kill();
    await until('it is noticed', () => /no connection to Redis at 127\.0\.0\.1:\d+ since /.test(cache.state.detail));
    assert.doesNotMatch(cache.state.detail, /secret/);
    await assert.rejects(cache.read('all'));
    for (let round = 1; round <= 20; round++) for (const id of ids) shower.show(id, { values: { n: round } });
    await server.restart();
    await until('all are there again, as they are now', async () => {
      if (!cache.usable) return false;
      const [views] = await cache.read('all');
      return views?.views.length === ids.length && views.views.every(({ view }) => view.values?.n === 20);
    });
    assert.equal(cache.state.connected, true);
  });
});

/**
 * Goal: nodes show each other's entities over a real NATS and a real Redis, whatever of these is killed, hangs or comes back.
 * Method: three nodes in this process, each with connections of its own; what they ask each other goes through memory.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { View } from '../../runtime/actor-kind.ts';
import type { EntityId } from '../../runtime/ids.ts';
import { awaySinceMs } from '../../runtime/live-bus.ts';
import { NatsLink } from '../../runtime/nats/connection.ts';
import { NatsLiveLane } from '../../runtime/nats/live-lane.ts';
import { RedisLink } from '../../runtime/redis/connection.ts';
import { RedisLiveCache } from '../../runtime/redis/live-cache.ts';
import { until } from '../support/condition.ts';
import { LiveNode, MemoryLinks, thing } from '../support/live-nodes.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { noRedis, RedisServer } from '../support/servers/redis.ts';

const PUMP = thing('no.rth', 'pump');
const FAN = thing('no.rth', 'fan');
const SAW = thing('south', 'saw');

describe('live views over NATS and Redis', { skip: noNats || noRedis }, () => {
  let nats: NatsServer;
  let redis: RedisServer;
  const links = new MemoryLinks();
  const open: { close(): unknown }[] = [];
  before(async () => {
    [nats, redis] = await Promise.all([NatsServer.start({ jetStream: false }), RedisServer.start()]);
  });
  after(async () => {
    for (const one of open.splice(0).reverse()) await one.close();
    await Promise.all([nats.remove(), redis.remove()]);
  });

  async function start(name: string, { withRedis = true } = {}) {
    const link = await NatsLink.open({ url: nats.url, name, startTimeoutMs: 10_000, noEcho: true });
    const lane = new NatsLiveLane(link, 'test.cell');
    const redisLink = new RedisLink(redis.url, name);
    const cache = new RedisLiveCache({ link: redisLink, cell: 'test', node: name, timing: { writeIntervalMs: 5 } });
    const node = new LiveNode({ name, lane, link: links.link(name), cache, timing: { readyTimeoutMs: 10_000 } });
    const parts = [lane, cache, { close: () => node.close() }];
    open.push(...parts);
    if (withRedis) await until('Redis answers', () => cache.usable);
    return Object.assign(node, {
      cache,
      /** As a process that is killed: nobody says a word. */
      kill: async () => {
        links.cut.add(name);
        node.close();
        await Promise.all([lane.close(), cache.close()]);
      },
    });
  }

  const shows = (node: LiveNode, id: EntityId, view: View) =>
    until(`${node.name} shows ${id} as ${JSON.stringify(view)}, not ${JSON.stringify(node.view(id))}`, () => {
      return JSON.stringify(Object.entries(node.view(id) ?? {}).sort()) === JSON.stringify(Object.entries(view).sort());
    });

  it('shows what others own, through deaths of NATS, of Redis and of a node', { timeout: 60_000 }, async () => {
    const a = (await start('a')).own(1, PUMP);
    const b = (await start('b')).own(1, SAW);
    a.set(PUMP, { values: { flow: 1 }, props: { name: 'Pump' } });
    b.set(SAW, { values: { speed: 1 } });
    const interest = a.live.want('all');
    await Promise.all([interest.ready, b.live.want(['no.rth']).ready]);
    await shows(a, SAW, { values: { speed: 1 } });
    await shows(b, PUMP, { values: { flow: 1 }, props: { name: 'Pump' } });
    a.set(PUMP, { values: { flow: 2 } });
    await shows(b, PUMP, { values: { flow: 2 }, props: { name: 'Pump' } });

    // Whoever comes later has it from the cache: the owners are not asked.
    await until('the cache has it', async () => JSON.stringify(await a.cache.read('all')).includes('"flow":2'));
    const c = await start('c');
    await until('c has heard the others', () => c.live.want([]).isReady);
    const asked = links.requests;
    await c.live.want('all').ready;
    await shows(c, PUMP, { values: { flow: 2 }, props: { name: 'Pump' } });
    await shows(c, SAW, { values: { speed: 1 } });
    assert.equal(links.requests, asked, 'no owner was asked');

    // Without Redis the owners are asked.
    await redis.kill();
    await until('it is noticed', () => !c.cache.usable);
    assert.equal(c.mirror.parts().find(({ name }) => name === 'live cache')?.status, 'degraded');
    a.set(PUMP, { values: { flow: 3 } });
    await shows(c, PUMP, { values: { flow: 3 }, props: { name: 'Pump' } });
    const d = await start('d', { withRedis: false });
    await d.live.want('all').ready;
    await shows(d, PUMP, { values: { flow: 3 }, props: { name: 'Pump' } });
    assert.ok(links.requests > asked);
    await d.kill();
    await redis.restart();
    await until('it is used again', () => c.cache.usable && a.cache.usable && b.cache.usable);

    // Without NATS everything of others is marked, and as it is again afterwards.
    await nats.kill();
    await until('it is marked', () => awaySinceMs(c.live.cell(PUMP) ?? { view: {} }) !== undefined);
    assert.equal(c.mirror.parts().find(({ name }) => name === 'live views')?.status, 'degraded');
    a.set(PUMP, { values: { flow: 4 } });
    await nats.restart();
    await shows(c, PUMP, { values: { flow: 4 }, props: { name: 'Pump' } });
    await until('nothing is marked', () => c.mirror.parts().every(({ status }) => status === 'healthy'), 20_000);

    // A node dies, and another takes over.
    await b.kill();
    await until('it is marked', () => awaySinceMs(c.live.cell(SAW) ?? { view: {} }) !== undefined);
    assert.deepEqual(c.view(SAW)?.values, { speed: 1 });
    a.own(2, SAW);
    a.set(SAW, { values: { speed: 2 } });
    await shows(c, SAW, { values: { speed: 2 } });
    a.own(2, FAN);
    a.set(FAN, { values: { speed: 3 } });
    await shows(c, FAN, { values: { speed: 3 } });
    interest.release();
  });
});

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ErrorWithCode } from '../../runtime/errors.ts';
import { entityId, kindOf } from '../../runtime/ids.ts';
import { AWAY, type Interest, type Loading } from '../../runtime/live-bus.ts';
import type { Elsewhere } from '../../runtime/live-cells.ts';
import { until } from '../support/condition.ts';
import { problem, type TestFront } from '../support/front.ts';
import { startScene } from '../support/front-scene.ts';

/** Other nodes of the cell, as far as a gateway sees them: what is wanted of them, and when they have said it. */
class Others implements Elsewhere {
  readonly wanted: (readonly string[] | 'all')[] = [];
  held = 0;
  lacking: Loading | undefined;
  ready: Promise<void> | undefined;

  groupOf(id: string): string {
    return ['work-order', 'rule', 'order-book'].includes(kindOf(entityId(...split(id)))) ? '_common' : 'north';
  }

  want(groups: readonly string[] | 'all'): Interest {
    this.wanted.push(groups);
    this.held++;
    const release = () => void this.held--;
    return { isReady: this.ready === undefined, ready: this.ready ?? Promise.resolve(), release };
  }

  loading(): Loading | undefined {
    return this.lacking;
  }

  isTold(): boolean {
    return false;
  }
}

describe('gateways and views of other nodes', () => {
  let t: TestFront;
  let others: Others;
  before(async () => {
    t = await startScene();
  });
  beforeEach(() => {
    others = new Others();
    t.runtime.live.reach(others);
  });
  after(() => t.close());

  it('asks over HTTP for what is read, for as long as it is read', async () => {
    await t.json('/api/v1/devices?limit=1');
    await t.json('/api/v1/devices?limit=1&site=north');
    await t.json('/api/v1/devices/d001');
    await t.json('/api/v1/assets/pump-1/hierarchy');
    await t.json('/api/v1/alarms');
    await t.json('/api/v1/alarms/asset%2Fpump-1:hot');
    await t.json('/api/v1/workorders');
    await t.json('/api/v1/rules');
    await t.json('/api/v1/telemetry/latest?device=d001');
    assert.deepEqual(others.wanted, [
      'all',
      ['north'],
      ['north'],
      ['north'],
      'all',
      ['north'],
      ['_common'],
      ['_common'],
      ['north'],
    ]);
    assert.deepEqual(await problem(t.request('/api/v1/devices/none')), [404, 'NOT_FOUND', undefined]);
    assert.equal(others.held, 0);
  });

  it('waits over HTTP until they have said it, and says so where they do not', async () => {
    const { promise, resolve } = waiting();
    others.ready = promise;
    const answer = t.json('/api/v1/sites/east');
    await until('it is asked for', () => others.wanted.length > 0);
    t.runtime.live.mirror(entityId('site', 'east'), () => ({ props: { name: 'East' }, [AWAY]: { sinceMs: 7 } }));
    t.runtime.live.flush();
    resolve();
    assert.deepEqual(await answer, { id: 'east', props: { name: 'East' }, away: { sinceMs: 7 } });
    others.ready = Promise.reject(new ErrorWithCode('LIVE_VIEWS_MISSING', 'b did not say'));
    others.ready.catch(() => undefined);
    assert.deepEqual(await problem(t.request('/api/v1/sites')), [503, 'UNAVAILABLE', undefined]);
    assert.equal(others.held, 0);
  });

  it('says with every list of live views whether it is all that there is', async () => {
    const lists = ['sites', 'assets', 'devices', 'alarms', 'workorders', 'rules'];
    for (const list of lists) {
      const whole = await t.json(`/api/v1/${list}`);
      assert.deepEqual([whole.complete, whole.loading], [true, undefined], list);
    }
    others.lacking = { shards: 12, of: 64 };
    for (const list of lists) {
      const part = await t.json(`/api/v1/${list}?limit=1`);
      assert.deepEqual([part.complete, part.loading], [false, { shards: 12, of: 64 }], list);
    }
  });

  it('says with a snapshot, and with each heartbeat, that there may be more', async () => {
    others.lacking = { shards: 12, of: 64 };
    const client = await t.connect(t.token.viewer);
    for (const topic of ['assets', 'alarms'])
      client.send({ op: 'subscribe', sub: topic, topic, filter: { site: 'north' } });
    await client.waitFor('both', (c) => c.of('snapshot').filter(({ more }) => more === false).length === 2);
    assert.ok(client.of('snapshot').every(({ loading }) => isLacking(loading)));
    await client.waitFor('a heartbeat', (c) => c.of('heartbeat').some(({ loading }) => isLacking(loading)));
    others.lacking = undefined;
    client.send({ op: 'subscribe', sub: 'again', topic: 'assets', filter: { site: 'north' } });
    await client.waitFor('again', (c) => c.of('snapshot').some(({ sub, more }) => sub === 'again' && more === false));
    assert.ok(client.of('snapshot').every(({ sub, loading }) => sub !== 'again' || loading === undefined));
    await client.waitFor('one without', (c) => c.of('heartbeat').at(-1)?.loading === undefined);
    client.close();
  });

  it('subscribes for as long as a subscription lasts, and sends the snapshot once everything is there', async () => {
    const { promise, resolve } = waiting();
    others.ready = promise;
    const client = await t.connect(t.token.viewer);
    client.send({ op: 'subscribe', sub: 's', topic: 'assets', filter: { site: 'north' } });
    await until('it is asked for', () => others.wanted.length > 0);
    client.send({ op: 'ping', id: 'p' });
    await client.waitFor('pong', (c) => c.of('pong').length > 0);
    assert.deepEqual(client.of('snapshot'), []);
    t.runtime.live.mirror(entityId('asset', 'saw'), () => ({ props: { name: 'Saw', site: 'north' } }));
    t.runtime.live.flush();
    resolve();
    await client.waitFor('snapshot', (c) => c.of('snapshot').some(({ more }) => more === false));
    assert.match(JSON.stringify(client.of('snapshot')), /"saw"/);
    t.runtime.live.mirror(entityId('asset', 'saw'), () => ({
      props: { name: 'Saw', site: 'north' },
      [AWAY]: { sinceMs: 9 },
    }));
    await client.waitFor('mark', (c) => JSON.stringify(c.of('delta')).includes('"away":{"sinceMs":9}'));
    assert.equal(others.held, 1);
    client.send({ op: 'unsubscribe', sub: 's' });
    await until('it is released', () => others.held === 0);
    client.close();
  });

  it('wants what a filter names', async () => {
    const client = await t.connect(t.token.viewer);
    const filters = [
      ['devices', {}, 'all'],
      ['devices', { ids: ['d001', 'd003'] }, ['north']],
      ['alarms', {}, 'all'],
      ['alarms', { entity: 'asset/pump-1' }, ['north']],
      ['workorders', { site: 'north' }, ['_common']],
      ['events', {}, []],
      ['events', { site: 'north' }, ['north', '_common']],
    ] as const;
    for (const [index, [topic, filter]] of filters.entries())
      client.send({ op: 'subscribe', sub: `s${index}`, topic, filter });
    await until('all are asked for', () => others.wanted.length === filters.length);
    assert.deepEqual(
      others.wanted,
      filters.map(([, , groups]) => groups),
    );
    client.close();
    await until('all are released', () => others.held === 0);
  });

  it('tells a subscription that cannot be had, and lets it be taken back while it waits', async () => {
    const { promise, reject } = waiting();
    others.ready = promise;
    const client = await t.connect(t.token.viewer);
    client.send({ op: 'subscribe', sub: 'a', topic: 'sites' });
    client.send({ op: 'subscribe', sub: 'b', topic: 'sites' });
    await until('both wait', () => others.wanted.length === 2);
    client.send({ op: 'unsubscribe', sub: 'b' });
    client.send({ op: 'ping', id: 'p' });
    await client.waitFor('pong', (c) => c.of('pong').length > 0);
    reject(new ErrorWithCode('LIVE_VIEWS_MISSING', 'b did not say'));
    await client.waitFor('error', (c) => c.of('error').length > 0);
    assert.deepEqual(
      client.of('error').map(({ code, sub, message }) => [code, sub, message]),
      [['UNAVAILABLE', 'a', 'b did not say; subscribe again']],
    );
    await until('both are released', () => others.held === 0);
    others.ready = waiting().promise;
    client.send({ op: 'subscribe', sub: 'c', topic: 'sites' });
    await until('it waits', () => others.held === 1);
    others.ready = undefined;
    client.send({ op: 'subscribe', sub: 'c', topic: 'sites' });
    await client.waitFor('snapshot', (c) => c.of('snapshot').length > 0);
    client.close();
  });
});

function waiting() {
  let resolve = (): void => undefined;
  let reject = (_error: Error): void => undefined;
  const promise = new Promise<void>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

function isLacking(loading: unknown): boolean {
  return JSON.stringify(loading) === '{"shards":12,"of":64}';
}

function split(id: string): [string, string] {
  const slash = id.indexOf('/');
  return [id.slice(0, slash), id.slice(slash + 1)];
}

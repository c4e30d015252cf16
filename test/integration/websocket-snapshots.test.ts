import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { entityId } from '../../runtime/ids.ts';
import { startTestFront, type TestFront } from '../support/front.ts';
import { alarm, startPushScene } from '../support/push-scene.ts';

describe('what the push shows', () => {
  let t: TestFront;
  before(async () => {
    t = await startPushScene();
  });
  after(() => t.close());

  it('greets with who one is and beats each second', async () => {
    const client = await t.connect(t.token.viewer);
    await client.waitFor('heartbeat', (c) => c.of('heartbeat').length > 0);
    const [first] = client.frames;
    assert.equal(first?.op, 'hello');
    assert.equal(first?.user, 'viewer-1');
    assert.equal(first?.organization, 'Test Ltd');
    assert.equal(first?.simulated, true);
    const beat = client.of('heartbeat')[0];
    assert.equal(beat?.health, 'healthy');
    assert.equal(beat?.notRecorded, false);
    t.runtime.healthNow = { status: 'degraded', parts: [{ name: 'journal', status: 'unhealthy', detail: 'disk' }] };
    await client.waitFor('trouble', (c) => c.of('heartbeat').some(({ notRecorded }) => notRecorded === true));
    t.runtime.healthNow = { status: 'healthy', parts: [] };
    client.close();
  });

  it('sends a snapshot in parts, then what changes', async () => {
    const client = await t.connect(t.token.viewer);
    client.send({ op: 'subscribe', sub: 'd', topic: 'devices', filter: { site: 'north' } });
    await client.waitFor('snapshot', (c) => c.of('snapshot').some(({ more }) => more === false));
    const parts = client.of('snapshot');
    assert.ok(parts.length > 1);
    assert.equal(parts.flatMap(({ items }) => items).length, 150);
    t.runtime.set('device/d1', { values: { a: 'new' } });
    t.runtime.set('device/d2', { values: { a: 'of the other site' } });
    await client.waitFor('delta', (c) => c.of('delta').length > 0);
    assert.deepEqual(
      client.of('delta').flatMap(({ items }) => items),
      [{ id: 'd1', values: { a: 'new' } }],
    );
    client.send({ op: 'unsubscribe', sub: 'd' });
    client.send({ op: 'ping', id: 'p' });
    await client.waitFor('pong', (c) => c.of('pong').length > 0);
    t.runtime.set('device/d1', { values: { a: 'newer' } });
    t.runtime.live.flush();
    client.send({ op: 'ping' });
    await client.waitFor('pong', (c) => c.of('pong').length > 1);
    assert.equal(client.of('delta').length, 1);
    client.close();
  });

  it('shows the alarms that stand, and then every transition', async () => {
    const client = await t.connect(t.token.viewer);
    client.send({ op: 'subscribe', sub: 'a', topic: 'alarms', filter: { severity: ['HIGH'], site: 'north' } });
    await client.waitFor('snapshot', (c) => c.of('snapshot').length > 0);
    assert.deepEqual(client.of('snapshot')[0]?.items, [alarm('hot')]);
    t.runtime.commit('asset/pump-1', 'AlarmAcknowledged', alarm('hot', { state: 'ACKNOWLEDGED' }));
    t.runtime.commit('asset/pump-1', 'AlarmAcknowledged', alarm('low', { severity: 'LOW' }));
    t.runtime.commit('asset/pump-1', 'AssetStatusChanged', { status: 'maintenance' });
    t.runtime.commit('asset/pump-1', 'AlarmCleared', alarm('hot', { state: 'CLEARED' }));
    await client.waitFor('events', (c) => c.tokens.length >= 2);
    const events = client.of('event').flatMap(({ events }) => events as { kind: string }[]);
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['AlarmAcknowledged', 'AlarmCleared'],
    );
    client.close();
  });

  it('sends what is new, and says what is gone or has left the filter', async () => {
    const client = await t.connect(t.token.viewer);
    client.send({ op: 'subscribe', sub: 'n', topic: 'assets', filter: { site: 'north' }, fields: ['values.a'] });
    client.send({ op: 'subscribe', sub: 'all', topic: 'assets' });
    await client.waitFor('snapshots', (c) => c.of('snapshot').length === 2);
    const deltas = (sub: string) => client.of('delta').flatMap((frame) => (frame.sub === sub ? frame.items : []));
    t.runtime.set('asset/new', { props: { site: 'north' } });
    await client.waitFor('the new one', () => deltas('n').length === 1 && deltas('all').length === 1);
    assert.deepEqual(deltas('n'), [{ id: 'new' }]);
    assert.deepEqual(deltas('all'), [{ id: 'new', props: { site: 'north' } }]);
    t.runtime.set('asset/new', { props: { site: 'south' } });
    await client.waitFor('the move', () => deltas('n').length === 2 && deltas('all').length === 2);
    assert.deepEqual(deltas('n').at(-1), { id: 'new', gone: true });
    assert.deepEqual(deltas('all').at(-1), { id: 'new', props: { site: 'south' } });
    t.runtime.remove('asset/new');
    await client.waitFor('the end', () => deltas('all').length === 3);
    assert.deepEqual(deltas('all').at(-1), { id: 'new', gone: true });
    assert.equal((await t.request('/api/v1/assets/new')).status, 404);
    assert.deepEqual(
      (await t.json('/api/v1/assets')).items.map(({ id }: { id: string }) => id),
      ['pump-1'],
    );
    client.close();
  });

  it('tells who follows a site of an order that has just been created there', async () => {
    const client = await t.connect(t.token.viewer);
    client.send({ op: 'subscribe', sub: 'e', topic: 'events', filter: { site: 'north' } });
    await client.waitFor('snapshot', (c) => c.of('snapshot').length === 1);
    const created = (number: string, site: string) =>
      t.runtime.commit(`work-order/${number}`, 'WorkOrderCreated', null, {
        event: { kind: 'WorkOrderCreated', draft: { site } },
      });
    created('WO-1', 'south');
    const { position } = created('WO-2', 'north');
    await client.waitFor('the order', (c) => c.tokens.length > 0);
    assert.deepEqual(client.positions, [position]);
    client.close();
  });

  it('refuses fields and filters that the topic does not have', async () => {
    const client = await t.connect(t.token.viewer);
    const refused = [
      [{ topic: 'assets', fields: ['props.name', 'props.colour'] }, 'fields.1'],
      [{ topic: 'assets', fields: ['health'] }, 'fields.0'],
      [{ topic: 'alarms', fields: ['severity'] }, 'fields'],
      [{ topic: 'devices', filter: { severity: ['HIGH'] } }, 'filter.severity'],
      [{ topic: 'sites', filter: { kinds: ['AlarmRaised'] } }, 'filter.kinds'],
    ] as const;
    for (const [wanted] of refused) client.send({ op: 'subscribe', sub: 's', ...wanted });
    await client.waitFor('refusals', (c) => c.of('error').length === refused.length);
    assert.deepEqual(
      client.of('error').map(({ code, sub, field }) => [code, sub, field]),
      refused.map(([, field]) => ['BAD_FRAME', 's', field]),
    );
    client.close();
  });
});

describe('a snapshot of alarms', () => {
  it('is followed by what its views do not show yet, though another entity was shown meanwhile', async () => {
    const t = await startTestFront({ flushIntervalMs: 60_000 });
    try {
      t.runtime.set('asset/pump-1', { props: { site: 'north' }, alarms: { hot: alarm('hot') } });
      t.runtime.live.flush();
      const acknowledged = alarm('hot', { state: 'ACKNOWLEDGED' });
      t.runtime.set('asset/pump-1', { alarms: { hot: acknowledged } });
      const { position } = t.runtime.commit('asset/pump-1', 'AlarmAcknowledged', acknowledged);
      t.runtime.set('device/d', { props: { site: 'north' } });
      t.runtime.live.refresh(entityId('device', 'd'));
      const client = await t.connect();
      client.send({ op: 'subscribe', sub: 'a', topic: 'alarms' });
      await client.waitFor('the transition', (c) => c.positions.includes(position));
      assert.deepEqual(client.of('snapshot')[0]?.items, [alarm('hot')]);
    } finally {
      await t.close();
    }
  });

  it('follows an asset to its new site when a start brings another topology, also for who resumes', async () => {
    const scene = async (site: string) => {
      const t = await startTestFront();
      t.runtime.set('asset/pump-1', { props: { site }, alarms: { hot: alarm('hot') } });
      t.runtime.commit('asset/pump-1', 'AlarmRaised', alarm('hot'));
      t.runtime.live.flush();
      return t;
    };
    const first = await scene('north');
    const before = await first.connect();
    before.send({ op: 'subscribe', sub: 'a', topic: 'alarms', filter: { site: 'north' } });
    await before.waitFor('the snapshot', (c) => c.of('snapshot').length === 1);
    const resume = String(before.of('snapshot')[0]?.token);
    assert.deepEqual(before.of('snapshot')[0]?.items, [alarm('hot')]);
    await first.close();

    const second = await scene('south');
    try {
      const client = await second.connect();
      for (const site of ['north', 'south'])
        client.send({ op: 'subscribe', sub: site, topic: 'alarms', filter: { site }, resume });
      await client.waitFor('both snapshots', (c) => c.of('snapshot').length === 2);
      const shown = (sub: string) => client.of('snapshot').find((frame) => frame.sub === sub)?.items;
      assert.deepEqual(shown('north'), [], 'a client that takes the snapshot as the whole no longer has it');
      assert.deepEqual(shown('south'), [alarm('hot')]);
    } finally {
      await second.close();
    }
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AlarmListItem, AssetItem, DeviceListItem } from '../../gateways/http/view-schemas.ts';
import { problem, type TestFront } from '../support/front.ts';
import { startScene } from '../support/front-scene.ts';

describe('reading the plant over HTTP', () => {
  let t: TestFront;
  before(async () => {
    t = await startScene();
  });
  after(() => t.close());

  it('lists, filters, sorts and cuts down what is live', async () => {
    const devices = await t.json(
      '/api/v1/devices?limit=7&site=north&connectivity=offline&sort=-lastSeenMs&fields=name,values.flow',
    );
    assert.equal(devices.total, 33);
    assert.equal(devices.items.length, 7);
    assert.deepEqual(devices.items[0], { id: 'd195', props: { name: 'Device 195' }, values: { flow: 195 } });
    for (const item of devices.items) DeviceListItem.parse(item);
    const seen = new Set<string>();
    let next: string | null = '';
    while (next !== null) {
      const page: { items: { id: string }[]; next: string | null } = await t.json(
        `/api/v1/devices?limit=31&sort=connectivity,-name${next === '' ? '' : `&cursor=${next}`}`,
      );
      for (const { id } of page.items) {
        assert.ok(!seen.has(id));
        seen.add(id);
      }
      next = page.next;
    }
    assert.equal(seen.size, 200);
    const pumps = await t.json('/api/v1/assets?q=PUMP&sort=-health');
    assert.deepEqual(
      pumps.items.map(({ id }: { id: string }) => id),
      ['pump-1', 'pump-2'],
    );
    assert.deepEqual((await t.json('/api/v1/assets?status=damaged,retired')).items[0].id, 'motor-1');
  });

  it('shows one of a kind, in the published shape', async () => {
    AssetItem.parse(await t.json('/api/v1/assets/pump-2'));
    assert.deepEqual(await problem(t.request('/api/v1/assets/none')), [404, 'NOT_FOUND', undefined]);
    const tree = await t.json('/api/v1/assets/pump-1/hierarchy');
    assert.equal(tree.children.length, 1);
    assert.equal(tree.children[0].id, 'motor-1');
    assert.equal(tree.children[0].status, 'damaged');
  });

  it('cuts single items down as lists, and refuses fields that there are not', async () => {
    assert.deepEqual(await t.json('/api/v1/assets/pump-1?fields=name,values'), {
      id: 'pump-1',
      props: { name: 'Pump 1' },
      values: { temperature: 21.5 },
    });
    assert.deepEqual(await t.json('/api/v1/devices/d001?fields=values.flow'), { id: 'd001', values: { flow: 1 } });
    assert.deepEqual(await t.json('/api/v1/sites/north?fields=timeZone'), {
      id: 'north',
      props: { timeZone: 'Pacific/Kiritimati' },
    });
    assert.deepEqual(await t.json('/api/v1/alarms/asset%2Fpump-1:hot?fields=rule'), {
      id: 'asset/pump-1:hot',
      rule: 'hot',
    });
    t.runtime.set('work-order/WO-20260301-00001', { props: { title: 'Look' }, checklist: {} });
    t.runtime.live.flush();
    assert.deepEqual(await t.json('/api/v1/workorders/WO-20260301-00001?fields=title'), {
      id: 'WO-20260301-00001',
      props: { title: 'Look' },
    });
    for (const place of ['assets', 'assets/pump-1', 'devices/d001', 'sites/north', 'workorders', 'alarms'])
      assert.deepEqual(
        await problem(t.request(`/api/v1/${place}?fields=id,colour`)),
        [400, 'INVALID_REQUEST', 'fields'],
        place,
      );
    assert.deepEqual(await problem(t.request('/api/v1/assets?sort=-colour')), [400, 'INVALID_REQUEST', 'sort']);
    assert.deepEqual(await problem(t.request('/api/v1/assets?sort=values')), [400, 'INVALID_REQUEST', 'sort']);
  });

  it('lists alarms over assets and devices', async () => {
    const alarms = await t.json('/api/v1/alarms?sort=severity');
    assert.deepEqual(
      alarms.items.map(({ rule }: { rule: string }) => rule),
      ['dry', 'hot'],
    );
    for (const item of alarms.items) AlarmListItem.pick({ id: true, rule: true, severity: true }).parse(item);
    assert.equal((await t.json('/api/v1/alarms?severity=HIGH,LOW')).total, 1);
    assert.equal((await t.json('/api/v1/alarms?shelved=true')).items[0].rule, 'dry');
    assert.equal((await t.json(`/api/v1/alarms/${encodeURIComponent('asset/pump-1:hot')}`)).rule, 'hot');
    assert.deepEqual(await problem(t.request('/api/v1/alarms/asset%2Fpump-1:cold')), [404, 'NOT_FOUND', undefined]);
    assert.deepEqual(await problem(t.request('/api/v1/alarms?severity=PURPLE')), [400, 'INVALID_REQUEST', 'severity']);
  });
});

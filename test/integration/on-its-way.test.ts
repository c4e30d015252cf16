/**
 * Goal: an entity that nobody can show at the moment, since its shard moves or is being recovered, is not called missing: 503 with
 * `Retry-After`, and over the WebSocket the same code. What the topology does not have stays 404.
 * Method: the people's side over a runtime that says which entities are on their way.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { entityId } from '../../runtime/ids.ts';
import { problem, startTestFront, type TestFront } from '../support/front.ts';

let t: TestFront;
before(async () => {
  t = await startTestFront();
  t.runtime.set('asset/there', { props: { name: 'There', site: 'north' } });
  t.runtime.live.flush();
  for (const id of [entityId('asset', 'away'), entityId('rule', 'away')]) t.runtime.moving.add(id);
});
after(() => t.close());

const AWAY = [
  '/assets/away',
  '/assets/away/hierarchy',
  '/rules/away',
  '/alarms/asset%2Faway:hot',
  '/telemetry/latest?asset=away',
];

test('what is on its way is told with 503 and when to come again', async () => {
  for (const path of AWAY) {
    const answer = await t.request(`/api/v1${path}`);
    assert.equal(answer.status, 503, path);
    assert.equal(answer.headers.get('retry-after'), '2', path);
    assert.equal((await problem(Promise.resolve(answer)))[1], 'UNAVAILABLE', path);
  }
});

test('what nobody has ever heard of is 404', async () => {
  for (const path of AWAY)
    assert.equal((await t.request(`/api/v1${path.replaceAll('away', 'none')}`)).status, 404, path);
});

test('a tree names the children that it cannot show, at any depth, and says that it lacks them', async () => {
  t.runtime.set('asset/root', { props: { name: 'Root', site: 'north', children: ['half', 'none'] } });
  t.runtime.set('asset/half', { props: { name: 'Half', site: 'north', children: ['leaf', 'away'] } });
  t.runtime.set('asset/leaf', { props: { name: 'Leaf', site: 'north', children: [] } });
  t.runtime.live.flush();
  const { complete, missing, children } = await t.json('/api/v1/assets/root/hierarchy');
  assert.deepEqual([complete, missing], [false, undefined], 'of what is not there nothing is lacking');
  const [half] = children;
  assert.deepEqual(
    [half.id, half.missing, half.children.map(({ id }: { id: string }) => id)],
    ['half', ['away'], ['leaf']],
  );
  assert.equal((await t.json('/api/v1/assets/leaf/hierarchy')).complete, true);
});

test('a subscription to it is refused with the same code, and taken once it is shown', async () => {
  const client = await t.connect(t.token.viewer);
  const subscribe = (sub: string, ids: string[]) =>
    client.send({ op: 'subscribe', sub, topic: 'assets', filter: { ids } });
  subscribe('1', ['away']);
  await client.waitFor('a refusal', (c) => c.of('error').length > 0);
  assert.deepEqual([client.of('error')[0]?.code, client.of('error')[0]?.sub], ['UNAVAILABLE', '1']);
  subscribe('2', ['none']);
  subscribe('3', ['away', 'there']);
  await client.waitFor('both', (c) => c.of('snapshot').length === 2);
  assert.equal(
    client.of('error').length,
    1,
    'a name that is not there is shown as nothing, and part of what is asked for is shown',
  );
  t.runtime.set('asset/away', { props: { name: 'Back', site: 'north' } });
  t.runtime.live.flush();
  subscribe('1', ['away']);
  await client.waitFor('what came', (c) => c.of('snapshot').some(({ sub }) => sub === '1'));
  client.close();
});

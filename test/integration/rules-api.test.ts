/**
 * Goal: a rule that is made over the API is a rule like those of the file: it alarms, orders work, survives a crash, follows
 * the topology file, and ends its alarm when it goes.
 * Method: the real actors of a small plant on real storage, asked over HTTP; readings go in where a driver hands them over.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { populationOf } from '../../actors/population.ts';
import { entityId } from '../../runtime/ids.ts';
import type { Node } from '../../runtime/node.ts';
import { fileRulesOf } from '../../topology/file-rules.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode, type TestStorage } from '../support/engine.ts';
import { problem, startTestFront, type TestFront } from '../support/front.ts';
import { tempDir } from '../support/temp-dir.ts';
import { load, SOUND, spoil } from '../unit/topology/sample.ts';

const TWO_PUMPS = spoil(
  '  - id: cabinet\n',
  '  - { id: pump-2, name: Pump 2, site: works, profile: pump, links: [{ device: plc }] }\n  - id: cabinet\n',
);
const SLOW = { id: 'slow', name: 'Slow', profile: 'pump', metric: 'flow', when: { below: 10 }, severity: 'HIGH' };

const temp = tempDir('rules-api');
let storage: TestStorage;
let node: Node;
let t: TestFront;

async function start(text: string): Promise<void> {
  const loaded = load(text);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  storage = await openStorage(temp.dir);
  node = await startNode(storage, populationOf(loaded.plant));
  t = await startTestFront({ runtime: node, fileRules: fileRulesOf(loaded.plant) });
}

async function end(how: 'stop' | 'halt'): Promise<void> {
  await t.close();
  await node[how]();
  await storage.close();
}

let readings = 0;
const flow = (value: number) =>
  node.ingest(entityId('device', 'plc'), {
    deviceTimeMs: null,
    gatewayTimeMs: Date.now() + readings++,
    points: ['flow', 'temp', 'running', 'label'],
    values: [value, 50, true, 'auto'],
    quality: null,
    reasons: null,
    times: null,
  });
const send = (method: string, path: string, body: unknown, token = t.token.engineer, key?: string) =>
  t.post(`/api/v1${path}`, body, {
    method,
    token,
    ...(key !== undefined && { headers: { 'idempotency-key': key } }),
  });
const ok = async (response: Promise<Response>) => {
  const got = await response;
  const body = await got.json();
  assert.equal(got.status, 200, JSON.stringify(body));
  return body;
};
const ids = async (query: string) =>
  (await t.json(`/api/v1/rules?${query}`, t.token.viewer)).items.map(({ id }: { id: string }) => id);
const adopted = (id: string) =>
  until(`${id} is adopted everywhere`, async () => {
    const rule = await t.json(`/api/v1/rules/${id}`);
    return rule.unconfirmed.length === 0;
  });
const alarmed = async () =>
  (await t.json('/api/v1/alarms')).items
    .filter(({ rule, detail }: { rule: string; detail: string }) => rule === 'slow' && detail.startsWith('ACTIVE'))
    .map(({ entity }: { entity: string }) => entity);

describe('rules over the API', () => {
  before(() => start(SOUND));
  after(async () => {
    await end('stop');
    temp.remove();
  });

  it('show those of the topology file, which only the file can change', async () => {
    assert.deepEqual(await ids('source=file'), ['profile/pump:hot', 'profile/pump:lost']);
    assert.deepEqual(await ids('entityId=asset/pump-1&severity=MEDIUM&sort=-name'), [
      'profile/pump:lost',
      'profile/pump:hot',
    ]);
    const hot = await t.json(`/api/v1/rules/${encodeURIComponent('profile/pump:hot')}`, t.token.viewer);
    assert.deepEqual([hot.source, hot.profile, hot.assets, hot.workOrder], ['file', 'pump', ['pump-1'], 'look']);
    for (const id of ['profile/pump:hot', 'hot']) {
      const path = `/rules/${encodeURIComponent(id)}`;
      assert.deepEqual(await problem(send('PATCH', path, { active: false })), [422, 'RULE_OF_FILE', 'id']);
      assert.deepEqual(await problem(send('DELETE', path, {})), [422, 'RULE_OF_FILE', 'id']);
    }
  });

  it('are made by engineers, and read by everybody', async () => {
    assert.deepEqual((await problem(send('POST', '/rules', SLOW, t.token.operator))).slice(0, 2), [403, 'FORBIDDEN']);
    const made = await ok(send('POST', '/rules', SLOW, t.token.engineer, 'make-slow'));
    assert.deepEqual(made.result, { revision: 1, assets: 1 });
    assert.equal((await ok(send('POST', '/rules', SLOW, t.token.engineer, 'make-slow'))).repeated, true);
    assert.deepEqual(await problem(send('POST', '/rules', SLOW)), [422, 'ALREADY_EXISTS', 'id']);
    await adopted('slow');
    assert.deepEqual(await ids('entityId=asset/pump-1&source=api'), ['slow']);
    assert.deepEqual(await ids('q=slo'), ['slow']);
    assert.deepEqual(await ids('entityId=asset/cabinet'), []);
    const page = await t.json('/api/v1/rules?limit=2&fields=name,source');
    assert.deepEqual(page.items[0], { id: 'profile/pump:hot', name: 'Hot', source: 'file' });
    assert.equal(page.total, 3);
    assert.deepEqual(await ids(`limit=2&cursor=${page.next}`), ['slow']);
  });

  it('are made over the WebSocket as over REST, by the same people', async () => {
    const command = {
      kind: 'CreateRule',
      entityId: 'asset/pump-1',
      rule: { ...SLOW, id: undefined, profile: undefined },
    };
    for (const [token, expected] of [
      [t.token.operator, 'FORBIDDEN'],
      [t.token.engineer, undefined],
    ] as const) {
      const client = await t.connect(token);
      client.send({ op: 'command', id: 'c', entity: 'rule/by-socket', command });
      await client.waitFor('reply', (c) => c.of('reply').length === 1);
      assert.equal(client.of('reply')[0]?.code, expected);
      client.send({ op: 'command', id: 'd', entity: 'rule/by-socket', command: { kind: 'DeleteRule' } });
      await client.waitFor('reply', (c) => c.of('reply').length === 2);
      assert.equal(client.of('reply')[1]?.code, expected);
    }
  });

  it('are refused by field and reason where they cannot be', async () => {
    const rule = { ...SLOW, id: 'other' };
    const cases: readonly (readonly [object, string, string])[] = [
      [{ ...rule, metric: 'flwo' }, 'UNKNOWN_METRIC', 'metric'],
      [{ ...rule, profile: undefined, entityId: 'asset/pump-9' }, 'UNKNOWN_ASSET', 'entityId'],
      [{ ...rule, workOrder: 'nothing' }, 'UNKNOWN_TEMPLATE', 'workOrder'],
      [{ ...rule, when: { below: -5 } }, 'RULE_UNREACHABLE', 'when.below'],
      [{ ...rule, webhook: 'ftp://x' }, 'INVALID_COMMAND', 'webhook'],
      [{ ...rule, cooldownSeconds: -1 }, 'INVALID_BODY', 'cooldownSeconds'],
      [{ ...rule, colour: 'red' }, 'INVALID_BODY', 'colour'],
    ];
    for (const [body, code, field] of cases)
      assert.deepEqual(await problem(send('POST', '/rules', body)), [422, code, field], code);
    assert.deepEqual(await problem(send('PATCH', '/rules/nothing', { active: true })), [404, 'NOT_FOUND', undefined]);
    assert.deepEqual(await problem(t.request('/api/v1/rules/nothing')), [404, 'NOT_FOUND', undefined]);
  });

  it('alarm as those of the file do, and end their alarm when they are switched off', async () => {
    await flow(5);
    await until('the alarm is there', async () => (await alarmed()).length > 0);
    assert.deepEqual(await alarmed(), ['asset/pump-1']);
    await ok(send('PATCH', '/rules/slow', { active: false }));
    await until('the alarm is gone', async () => (await alarmed()).length === 0);
    const { rules } = await t.json('/api/v1/assets/pump-1');
    assert.deepEqual([rules.slow.idle, rules.slow.source, rules.hot.source], ['inactive', 'api', 'file']);
    await ok(send('PATCH', '/rules/slow', { active: true, workOrder: 'look' }));
    await adopted('slow');
    await flow(4);
    await until('the alarm is back', async () => (await alarmed()).length > 0);
    await until('it has a work order', async () => {
      const { items } = await t.json('/api/v1/workorders?asset=pump-1');
      return items.some(({ props }: { props: { rule: string } }) => props.rule === 'slow');
    });
    // People may name it as they may name those of the file.
    await ok(send('POST', '/workorders', { title: 'Look', asset: 'pump-1', rule: 'slow' }));
  });

  it('survive a crash with their alarms, and reach the assets that the file has gained meanwhile', async () => {
    // Committed, and told to nobody yet as far as anybody knows.
    await ok(send('PATCH', '/rules/slow', { severity: 'CRITICAL' }));
    await end('halt');
    await start(TWO_PUMPS);
    assert.deepEqual(await alarmed(), ['asset/pump-1']);
    await adopted('slow');
    for (const pump of ['pump-1', 'pump-2'])
      assert.equal((await t.json(`/api/v1/assets/${pump}`)).rules.slow.severity, 'CRITICAL', pump);
    assert.deepEqual((await t.json('/api/v1/rules/slow')).assets, ['pump-1', 'pump-2']);
    await flow(3);
    await until('both alarm', async () => (await alarmed()).length === 2);
  });

  it('are in the audit in the order in which they were changed', async () => {
    const { items } = await t.json('/api/v1/audit?entity=rule/slow');
    const kinds = items.map(({ kind }: { kind: string }) => kind).reverse();
    assert.deepEqual(
      kinds.filter((kind: string) => kind !== 'RuleConfirmed'),
      ['RuleCreated', 'RuleChanged', 'RuleChanged', 'RuleChanged', 'RuleReassigned'],
    );
    const [made] = items.filter(({ kind }: { kind: string }) => kind === 'RuleCreated');
    assert.deepEqual([made.user, made.via], ['engineer-1', 'http']);
  });

  it('end their alarms everywhere when they are deleted', async () => {
    await ok(send('DELETE', '/rules/slow', {}));
    await until('no asset alarms', async () => (await alarmed()).length === 0);
    assert.deepEqual(await problem(t.request('/api/v1/rules/slow')), [404, 'NOT_FOUND', undefined]);
    assert.deepEqual(await ids('source=api'), []);
    await flow(2);
    await until('the reading is seen', async () => (await t.json('/api/v1/assets/pump-1')).values.flow === 2);
    assert.deepEqual(await alarmed(), []);
    await end('stop');
    await start(TWO_PUMPS);
    assert.deepEqual(await ids('source=api'), []);
  });
});

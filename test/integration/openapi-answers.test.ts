/**
 * Goal: the OpenAPI document says how answers really are: every GET route, and what is refused.
 * Method: the real actors of a small plant with values, alarms, an order and a dead letter; the document as it is served; every
 * answer is held to the schema that the document has for its status.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { z } from 'zod';
import { populationOf } from '../../actors/population.ts';
import { ROUTES } from '../../gateways/http/routes.ts';
import { CommandId, entityId } from '../../runtime/ids.ts';
import type { Node } from '../../runtime/node.ts';
import { fileRulesOf } from '../../topology/file-rules.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode, type TestStorage } from '../support/engine.ts';
import { startTestFront, type TestFront } from '../support/front.ts';
import { tempDir } from '../support/temp-dir.ts';
import { load, SOUND } from '../unit/topology/sample.ts';

const Response = z.object({ content: z.object({ 'application/json': z.object({ schema: z.unknown() }) }) });
const Document = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.object({ responses: z.record(z.string(), Response) }))),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

const temp = tempDir('openapi');
let storage: TestStorage;
let node: Node;
let t: TestFront;
let document: z.infer<typeof Document>;
let order = '';

/** Fails unless the document has this status for the route, and the body is as it says. */
function holds(route: string, method: string, status: number, body: unknown): void {
  const where = `${method} ${route} ${status}`;
  const response = document.paths[`/api/v1${route}`]?.[method.toLowerCase()]?.responses[status];
  assert.ok(response, `${where} is not in the document: ${JSON.stringify(body).slice(0, 300)}`);
  const { schema } = response.content['application/json'];
  const whole = { ...Object(schema), $defs: document.components.schemas };
  const parsed = z
    .fromJSONSchema(JSON.parse(JSON.stringify(whole).replaceAll('#/components/schemas/', '#/$defs/')))
    .safeParse(body);
  assert.ok(parsed.success, `${where}: ${parsed.error?.message}\n${JSON.stringify(body).slice(0, 2000)}`);
}

const frame = (temperature: number) => ({
  deviceTimeMs: null,
  gatewayTimeMs: Date.now(),
  points: ['flow', 'temp', 'running', 'label'],
  values: [120, temperature, true, 'auto'],
  quality: null,
  reasons: null,
  times: null,
});

before(async () => {
  const plant = load(SOUND);
  assert.ok(plant.ok);
  storage = await openStorage(temp.dir);
  node = await startNode(storage, populationOf(plant.plant));
  const { organization, simulated } = plant.plant;
  t = await startTestFront({
    runtime: node,
    fileRules: fileRulesOf(plant.plant),
    plant: {
      organization: organization.name,
      timeZone: organization.timeZone,
      simulated,
      version: '1.2.3',
      node: 'test',
    },
  });
  document = Document.parse(await (await fetch(`${t.url}/api/v1/openapi.json`)).json());
  const by = { user: 'test', via: 'driver' } as const;
  const online = { kind: 'ReportConnectivity', state: 'online', reason: 'connected' };
  await node.ask(entityId('device', 'plc'), online, {
    commandId: CommandId.parse('online'),
    by,
    permissions: ['internal:*'],
  });
  node.note(entityId('device', 'plc'), {
    state: 'waiting',
    detail: 'refused',
    lastError: { code: 'connection_refused', message: 'refused', atMs: 1 },
    errors: { connection_refused: 2 },
    readingsPerSecond: 1.5,
    lastReadingAtMs: 5,
    cycleOverruns: 1,
    queueDepth: 0,
    nextAttemptAtMs: 9,
  });
  for (const temperature of [50, 95]) await node.ingest(entityId('device', 'plc'), frame(temperature));
  node.deadLetter({
    timeMs: 1,
    stream: 'invalid_telemetry',
    source: 'plc',
    code: 'BAD',
    reason: 'no',
    body: { a: [1] },
  });
  await until('there is an alarm', async () => (await t.json('/api/v1/alarms')).items.length > 0, 20_000);
  const draft = { title: 'Look', asset: 'pump-1', checklist: [{ item: 'Look at it' }], dueInHours: 1 };
  order = (await (await t.post('/api/v1/workorders', draft)).json()).result.number;
  await until(
    'the order is shown',
    async () => (await t.request(`/api/v1/workorders/${order}`)).status === 200,
    20_000,
  );
  const rule = { id: 'slow', name: 'Slow', entityId: 'asset/pump-1', metric: 'flow', when: { below: 9 } };
  assert.equal((await t.post('/api/v1/rules', rule)).status, 200);
  const comment = { text: 'on my way' };
  assert.equal((await t.post(`/api/v1/workorders/${order}/comments`, comment)).status, 200);
  await until('a dead letter is kept', async () => (await t.json('/api/v1/dead-letters')).items.length > 0, 20_000);
  await until('the history has it', async () => (await t.json(`/api/v1${HISTORY}`)).items.length > 0, 20_000);
});
after(async () => {
  await t?.close();
  await node?.stop();
  await storage?.close();
  temp.remove();
});

const HISTORY = '/telemetry?asset=pump-1&metricKey=specific';

/** Questions that cover the GET routes, each with answers of some content. */
function questions(): Record<string, readonly string[]> {
  return {
    '/sites': ['', '?sort=-health&fields=name,figures'],
    '/sites/{id}': ['/works', '/works?fields=name'],
    '/assets': ['', '?fields=name,values.temp,alarms&sort=health&limit=1'],
    '/assets/{id}': ['/pump-1', '/hall', '/cabinet?fields=marks,props'],
    '/assets/{id}/hierarchy': ['/hall/hierarchy'],
    '/devices': ['', '?fields=link,connectivity'],
    '/devices/{id}': ['/plc', '/meter-1', '/plc?fields=points'],
    '/telemetry/latest': ['?asset=pump-1', '?device=plc', '?device=meter-1'],
    '/telemetry': [
      '?asset=pump-1&metricKey=specific',
      '?device=plc&metricKey=label',
      '?asset=pump-1&metricKey=specific&aggregation=1s',
    ],
    '/alarms': ['', '?fields=rule,severity&sort=-severity'],
    '/alarms/history': ['', '?severity=HIGH,MEDIUM,LOW,CRITICAL,INFO&limit=2'],
    '/alarms/{id}': ['/asset%2Fpump-1:hot', '/asset%2Fpump-1:hot?fields=state'],
    '/rules': ['', '?fields=rule,when&sort=-severity', '?entityId=asset/pump-1&source=api'],
    '/rules/{id}': ['/slow', '/profile%2Fpump:hot', '/slow?fields=problems'],
    '/workorders': ['', '?fields=title'],
    '/workorders/{number}': [`/${order}`, `/${order}?fields=title,checklist`],
    '/audit': ['', '?limit=2'],
    '/dead-letters': ['', '?stream=invalid_telemetry'],
    '/dead-letters/counts': [''],
    '/session': [''],
    '/tokens': ['', '?sort=name'],
    '/health': [''],
    '/edges': [''],
    '/openapi.json': [''],
  };
}

function addressOf(route: string, rest: string): string {
  const fixed = route.includes('{') ? route.slice(0, route.indexOf('/{')) : route;
  return `/api/v1${fixed}${rest}`;
}

describe('what the OpenAPI document says', () => {
  it('is asked for of every GET route', () => {
    const routes = ROUTES.filter(({ method }) => method === 'GET').map(({ path }) => path);
    assert.deepEqual(Object.keys(questions()).sort(), routes.sort());
  });

  it('is how GET routes answer', async () => {
    for (const [route, rests] of Object.entries(questions())) {
      for (const rest of rests) {
        const response = await t.request(addressOf(route, rest));
        const body: unknown = await response.json();
        assert.equal(response.status, 200, `${route}${rest} ${JSON.stringify(body)}`);
        holds(route, 'GET', 200, body);
      }
    }
  });

  it('is how every route refuses: without a token, without the permission, with what it does not know', async () => {
    for (const { method, path, body } of ROUTES) {
      const address = `/api/v1${path.replaceAll(/\{(\w+)\}/g, (_, name) => STAND_INS[name] ?? 'x')}`;
      const init = {
        method,
        ...(body !== undefined && { body: '{"no such member":1}', headers: { 'content-type': 'application/json' } }),
      };
      const attempts = [
        t.request(address, { ...init, headers: { ...init.headers, authorization: '' } }),
        t.request(address, { ...init, token: t.token.blind }),
        t.request(`${address}?${encodeURIComponent('no such parameter')}=1`, init),
        t.request(address, { ...init, headers: { ...init.headers, 'content-type': 'text/plain' } }),
      ];
      for (const response of await Promise.all(attempts)) {
        const answer: unknown = await response.json();
        holds(path, method, response.status, answer);
      }
    }
  });
});

/** Names that are well-formed and, but for these, unknown. */
const STAND_INS: Readonly<Record<string, string>> = {
  id: 'nobody',
  number: 'WO-20200101-00001',
  transition: 'start',
  index: '0',
  point: 'flow',
};

/**
 * Goal: the product keeps its history where the settings say, and a history server that is gone harms nothing else.
 * Method: the product put together as `signalbox start` does, a Modbus device on a real socket, real servers; the API is asked.
 */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { startPlant } from '../../cli/plant.ts';
import { readSettings } from '../../runtime/settings.ts';
import { createModbusServer, type ModbusServer } from '../../simulators/modbus/server.ts';
import { parseTopology } from '../../topology/load.ts';
import { until } from '../support/condition.ts';
import { SharedPostgres } from '../support/servers/postgres.ts';
import { QuestDb, withoutQuestDb } from '../support/servers/questdb.ts';
import { tempDir } from '../support/temp-dir.ts';

const WITHIN_MS = 40_000;
const shared = new SharedPostgres();
let field: ModbusServer;

before(async () => {
  field = await createModbusServer({ units: new Map([[1, { holding: new Uint16Array([7]) }]]) });
});
after(() => field.close());

interface History {
  readonly items: readonly { readonly timeMs: number; readonly value: number; readonly quality: string }[];
}

async function start(t: TestContext, more: Record<string, unknown>) {
  const { dir, remove } = tempDir('history-servers');
  t.after(remove);
  const topology = parseTopology(
    `signalbox: 1
organization: { id: acme, name: Acme Water }
sites:
  - { id: works, name: Waterworks, timeZone: Europe/Berlin }
connections:
  - { id: bus, driver: modbus, tcp: { host: 127.0.0.1, port: ${field.port} } }
devices:
  - { id: meter, name: Meter, site: works, connection: bus, modbus: { unit: 1, pollMs: 100 }, points: [{ name: level, modbus: { area: holding, address: 0, type: uint16 } }] }
`,
    'plant.yaml',
  );
  assert.ok(topology.ok);
  const read = readSettings({}, {}, { DATA_DIR: dir, PORT: 0, LOG_LEVEL: 'fatal', ...more });
  assert.ok(read.ok);
  const running = await startPlant({ settings: read.settings, plant: topology.plant, simulators: false });
  t.after(() => running.stop());
  const get = async (address: string) => {
    const headers = { authorization: `Bearer ${running.key}` };
    return fetch(new URL(address, running.url), { headers });
  };
  const history = async (startMs: number): Promise<History['items']> => {
    const answer = await get(`api/v1/telemetry?device=meter&metricKey=level&start=${startMs}`);
    const body: History = await answer.json();
    return answer.ok ? body.items : [];
  };
  const part = async () => {
    const { parts } = await (await get('api/v1/health')).json();
    return parts.find(({ name }: { name: string }) => name === 'historian');
  };
  return { get, history, part };
}

test('with QUESTDB_URL the history is there, and without that server everything else goes on', {
  skip: withoutQuestDb(),
}, async (t) => {
  const { dir, remove } = tempDir('history-questdb');
  t.after(remove);
  const server = await QuestDb.start(dir);
  t.after(() => server.kill());
  const beginMs = Date.now();
  const { get, history, part } = await start(t, { QUESTDB_URL: server.url });
  await until('the history has readings', async () => (await history(beginMs)).length >= 3, WITHIN_MS);
  await server.kill('SIGKILL');
  const downMs = Date.now();
  await until('health tells the reason', async () => (await part()).status === 'degraded', WITHIN_MS);
  assert.match((await part()).detail, /records behind; QuestDB at http:.* does not answer/);
  const answer = await get('api/v1/telemetry?device=meter&metricKey=level');
  assert.deepEqual([answer.status, (await answer.json()).error.code], [503, 'UNAVAILABLE']);
  const latest = async () => {
    const { items } = await (await get('api/v1/telemetry/latest?device=meter')).json();
    return items[0];
  };
  const then = await latest();
  await until('values go on', async () => (await latest()).timeMs > then.timeMs, WITHIN_MS);
  assert.equal((await latest()).quality, 'GOOD');
  const metrics = async () =>
    Number(/^signalbox_consumer_lag_records (\d+)/m.exec(await (await get('metrics')).text())?.[1]);
  await until('the lag is counted', async () => (await metrics()) > 0, WITHIN_MS);
  const upMs = Date.now();
  await server.restart();
  await until('the time without it is in the history', async () => (await history(upMs)).length > 0, WITHIN_MS);
  const meanwhile = (await history(downMs)).filter(({ timeMs }) => timeMs < upMs);
  assert.ok(meanwhile.length > 0);
  assert.ok(meanwhile.every(({ value, quality }) => value === 7 && quality === 'GOOD'));
  await until('health is whole again', async () => (await part()).status === 'healthy', WITHIN_MS);
});

test('with DATABASE_URL alone the history is in PostgreSQL', { skip: shared.skip }, async (t) => {
  const url = await shared.database();
  const { history } = await start(t, { DATABASE_URL: url });
  await until('the history has readings', async () => (await history(0)).length >= 3, WITHIN_MS);
  const server = await shared.server();
  const [row] = await server.query('select count(*)::int as count, max(value) as value from history', [], url);
  assert.ok(Number(row?.count) >= 3);
  assert.equal(row?.value, 7);
});

test('HISTORIAN=sqlite keeps the history in the data folder although servers are named', {
  skip: shared.skip,
}, async (t) => {
  const url = await shared.database();
  const { history } = await start(t, { DATABASE_URL: url, QUESTDB_URL: 'http://127.0.0.1:9', HISTORIAN: 'sqlite' });
  await until('the history has readings', async () => (await history(0)).length >= 3, WITHIN_MS);
  const server = await shared.server();
  assert.deepEqual(await server.query("select to_regclass('history_sample') as found", [], url), [{ found: null }]);
});

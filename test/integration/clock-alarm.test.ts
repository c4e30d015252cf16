/**
 * Goal: a clock of the machine that is off is an alarm of the node and a mark on what it timed, everything goes on meanwhile, and
 * both go when it is right again; a clock that nobody checks is called so.
 * Method: the whole product in this process, a Modbus device on a real socket, and a real time server that is ahead by five seconds.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RunningPlant, startPlant } from '../../cli/plant.ts';
import { Settings } from '../../runtime/settings.ts';
import { createModbusServer, type ModbusServer } from '../../simulators/modbus/server.ts';
import { parseTopology } from '../../topology/load.ts';
import { until } from '../support/condition.ts';
import { tempDir } from '../support/temp-dir.ts';
import { TimeServer } from '../support/time-server.ts';

const WITHIN_MS = 30_000;
const { dir, remove } = tempDir('clock');
let field: ModbusServer;
let time: TimeServer;
let running: RunningPlant | null = null;
let key = '';

before(async () => {
  field = await createModbusServer({ units: new Map([[1, { holding: new Uint16Array([7]) }]]) });
  time = await TimeServer.start(5000);
});
after(async () => {
  await running?.stop();
  await field.close();
  await time.close();
  remove();
});

async function start(server: string | undefined): Promise<void> {
  await running?.stop();
  const parsed = parseTopology(
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
  assert.ok(parsed.ok, JSON.stringify(parsed.ok || parsed.problems));
  const settings = Settings.parse({
    DATA_DIR: dir,
    PORT: 0,
    LOG_LEVEL: 'fatal',
    ...(server && { NTP_SERVER: server }),
  });
  running = await startPlant({ settings, plant: parsed.plant, simulators: false });
  key = running.key ?? key;
}

async function get(address: string): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${key}` };
  const answer = await fetch(new URL(`api/v1${address}`, running?.url), { headers });
  return await answer.json();
}

async function clockPart(): Promise<{ status: string; detail: string }> {
  const { parts } = await get('/health');
  assert.ok(Array.isArray(parts));
  return parts.find(({ name }) => name === 'clock');
}
const alarm = () => get('/alarms/node%2Fcore-1:clock-offset');
const level = async () => {
  const { values, marks } = await get('/devices/meter');
  return { values, marks };
};

test('a clock that is five seconds behind is a warning, marks what it timed, and stops nothing; set right, alarm and marks go', async () => {
  await start(`127.0.0.1:${time.port}`);
  await until('the alarm', async () => (await alarm()).detail === 'ACTIVE_UNACK', WITHIN_MS);
  const raised = await alarm();
  assert.equal(raised.severity, 'MEDIUM');
  assert.equal(raised.site, 'works');
  assert.match(String(raised.message), /^The clock of this node is (49|50)\d\d ms behind 127\.0\.0\.1:\d+: /);
  await until('the mark', async () => JSON.stringify(await level()).includes('gateway_clock'), WITHIN_MS);
  const { values, marks } = await level();
  assert.deepEqual(values, { level: 7 });
  assert.equal((marks as { level: { quality: string } }).level.quality, 'UNCERTAIN');
  assert.equal((await clockPart()).status, 'degraded');

  time.offsetMs = 0;
  await start(`127.0.0.1:${time.port}`);
  await until('the alarm has cleared', async () => (await alarm()).detail === 'RTN_UNACK', WITHIN_MS);
  assert.equal((await clockPart()).status, 'healthy');
  await until('the mark is gone', async () => JSON.stringify((await level()).marks) === '{}', WITHIN_MS);
});

test('without a time server the clock is not checked, and the health says so without being worse for it', async () => {
  await start(undefined);
  assert.deepEqual(await clockPart(), {
    name: 'clock',
    status: 'not_checked',
    detail: 'not checked: no NTP_SERVER is set',
  });
  await until('the whole is healthy', async () => (await get('/health')).status === 'healthy', WITHIN_MS);
});

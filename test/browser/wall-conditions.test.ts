import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { FieldLink } from '../../gateways/http/field-links.ts';
import type { LinkTrouble } from '../../gateways/websocket/protocol.ts';
import { alarmOf } from '../support/wall-alarms.ts';
import { until, WallBench } from '../support/wall-page.ts';

/** What stands under the top bar while something is wrong with the server or with a link to the field. */
let bench: WallBench;
before(async () => {
  bench = await WallBench.open(20);
});
after(() => bench.close());

const REASON = 'nothing listens there, or a firewall refuses (connect ECONNREFUSED 10.0.0.7:502)';

function lost(name: string, driver = 'Modbus'): LinkTrouble {
  return { connection: `${name}-id`, name, driver, state: 'lost', devices: 4, devicesOnline: 0, reason: REASON };
}

test('a lost field link is told as that with its reason in sight, and not as a fault of the server', async () => {
  bench.server.trouble = { links: [lost('Station network')] };
  const page = await bench.wall('/');
  const strip = page.locator('.conditions');
  await strip.waitFor();
  const text = (await strip.innerText()).replace(/\s+/g, ' ');
  assert.equal(text, `FIELD LINK LOST Station network (4 devices) Modbus: ${REASON}`);
  assert.equal(await page.locator('text=SERVER').count(), 0);
  assert.equal(await strip.locator('button').count(), 0, 'there is nothing more to see');
  await strip.locator('a').click();
  await page.waitForURL('**/connection/Station%20network-id');
  bench.server.trouble = {};
  await strip.waitFor({ state: 'detached' });
  await page.context().close();
});

test('several lost links are counted, and h shows the reason of each; the server stands in a line of its own', async () => {
  bench.server.trouble = {
    server: { status: 'degraded', reasons: ['historian: 200000 records behind'] },
    links: [lost('North'), lost('South', 'MQTT')],
  };
  const page = await bench.wall('/alarms');
  const lines = page.locator('.condition');
  await until('both lines', async () => (await lines.count()) === 2);
  assert.match(await lines.nth(0).innerText(), /SERVER DEGRADED\s+historian: 200000 records behind/);
  assert.match(await lines.nth(1).innerText(), /2 FIELD LINKS LOST\s+North, South \(8 devices\)/);
  assert.equal(await page.locator('text=South (4 devices), MQTT').count(), 0);
  await page.keyboard.press('h');
  await page.locator('text=South (4 devices), MQTT').waitFor();
  assert.equal(await page.locator('.conditions button').getAttribute('aria-expanded'), 'true');
  await page.keyboard.press('h');
  await page.locator('text=South (4 devices), MQTT').waitFor({ state: 'detached' });
  bench.server.trouble = {};
  await page.context().close();
});

test('what the server dates in UTC is read in local time, with how long ago; what is still loading is said until it is there', async () => {
  const sinceMs = Date.now() - 600_000;
  bench.server.trouble = {
    loading: { shards: 12, of: 64 },
    server: {
      status: 'unhealthy',
      reasons: [`journal: away since ${new Date(sinceMs).toISOString()}, for 600 s: no answer within 5000 ms`],
    },
  };
  const page = await bench.wall('/site/north');
  const lines = page.locator('.condition');
  await until('both lines', async () => (await lines.count()) === 2);
  assert.match(await lines.nth(0).innerText(), /^STILL LOADING\s+12 of 64 shards/);
  const words = (await lines.nth(1).innerText()).replace(/\s+/g, ' ');
  assert.match(words, /^SERVER FAILING journal: away since /);
  const local = new Date(sinceMs).toLocaleTimeString('en-GB', { timeZone: 'Europe/Oslo' });
  assert.ok(words.includes(`since ${local} +0`), words);
  assert.match(words, /, for 10 min: no answer within 5 s$/);
  bench.server.trouble = {};
  await until('nothing is left of it', async () => (await lines.count()) === 0);
  await page.context().close();
});

const STATION: FieldLink = {
  connection: 'north-bus',
  name: 'Station network',
  driver: 'modbus',
  endpoint: '10.0.0.7:502',
  site: 'north',
  status: 'unhealthy',
  state: 'waiting',
  reason: REASON,
  sinceMs: Date.now() - 300_000,
  lastError: { code: 'connection_refused', message: 'connect ECONNREFUSED 10.0.0.7:502', atMs: Date.now() - 2000 },
  latencyMs: { p50: 3, p99: 41 },
  readingsPerSecond: 0,
  lastReadingAtMs: Date.now() - 300_000,
  errors: { connection_refused: 12, timeout: 2 },
  errorsLastMinute: 7,
  cycleOverruns: 31,
  queueDepth: 0,
  nextAttemptAtMs: null,
  devices: 1,
  devicesOnline: 0,
  facts: { plannedRequests: 4 },
};

test('the page of a connection tells its name, state and reason, since when, its address, last error and figures', async () => {
  const site = [...bench.server.scene.sites.keys()][0] ?? '';
  // From now on, and not from when this file was loaded: on a busy machine that is minutes ago.
  bench.server.links = [{ ...STATION, connection: `${site}-bus`, site, sinceMs: Date.now() - 310_000 }];
  const page = await bench.wall(`/connection/${site}-bus`);
  await page.locator('h1', { hasText: 'Station network' }).waitFor();
  const text = (await page.locator('main').innerText()).replace(/\s+/g, ' ');
  for (const said of [
    REASON,
    'waiting',
    'In this state for 5 min',
    '10.0.0.7:502',
    '12 × the connection is refused, 2 × no answer in time',
  ])
    assert.ok(text.includes(said), `${said} in ${text}`);
  for (const said of [
    '7 in the last minute',
    '3.0 ms median, 99 % within 41 ms',
    '31 took longer',
    'Planned requests 4',
  ])
    assert.ok(text.includes(said), `${said} in ${text}`);
  assert.match(text, /No alarm of this connection/);
  const behind = await page.locator('[aria-label="Devices"] tbody tr').count();
  const own = [...bench.server.scene.devices.values()].filter(({ props }) => props.connection === `${site}-bus`).length;
  assert.equal(behind, own);
  assert.ok(own > 0);
  bench.server.links = [];
  await page.context().close();
});

test('a connection that does not exist is told as that', async () => {
  const page = await bench.wall('/connection/nowhere');
  await page.locator('text=There is no connection “nowhere”').waitFor();
  await page.context().close();
});

test('a suppressed alarm tells why in its row, and in its detail the alarm that is called out instead and where', async () => {
  const site = [...bench.server.scene.sites.keys()][0] ?? '';
  const asset = [...bench.server.scene.assets.keys()][0] ?? '';
  bench.server.links = [{ ...STATION, connection: `${site}-bus`, site }];
  const now = Date.now();
  const plan = { asset, severity: 'HIGH', detail: 'ACTIVE_UNACK', raisedAtMs: now, message: '' } as const;
  const link = alarmOf(bench.server.scene, { ...plan, rule: 'connection-lost', name: 'Connection lost' }, now);
  const by = `connection/${site}-bus:connection-lost`;
  bench.server.put({ ...link, id: by, entity: `connection/${site}-bus`, site }, 'AlarmRaised');
  const silent = alarmOf(bench.server.scene, { ...plan, rule: 'silent', name: 'Silent', overlay: 'suppressed' }, now);
  const suppressed = { cause: 'connection_lost', by, sinceMs: now };
  bench.server.put({ ...silent, suppressed }, 'AlarmRaised');
  const page = await bench.wall('/alarms?list=suppressed');
  const row = page.locator('.alarm-row[data-id]');
  await row.waitFor();
  assert.equal((await row.locator('.cell-state').innerText()).trim(), 'The connection broke');
  await row.locator('.cell-state').click();
  const instead = page.locator('.alarm-detail a', { hasText: 'Connection lost of Station network' });
  await instead.click();
  await page.waitForURL(`**/connection/${site}-bus`);
  await page.locator('text=1 alarm is suppressed behind it').waitFor();
  assert.deepEqual(bench.complaints, []);
  bench.server.clearAlarms();
  bench.server.links = [];
  await page.context().close();
});

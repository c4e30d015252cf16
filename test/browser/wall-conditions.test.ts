import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { LinkTrouble } from '../../gateways/websocket/protocol.ts';
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
  await page.waitForURL('**/devices?text=Station%20network-id');
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

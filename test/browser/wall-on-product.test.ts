import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../support/chromium.ts';
import { until } from '../support/wall-page.ts';

/**
 * The wall on the real product: `signalbox start` with its demo plant in a process of its own, simulated field, real drivers,
 * real alarms. Needs the build that `npm test` makes.
 */
let product: ChildProcess;
let browser: Browser;
let folder: string;
let link: string;
const complaints: string[] = [];

before(async () => {
  assert.ok(existsSync(new URL('../../dist/cli/signalbox.js', import.meta.url)), 'run npm run build first');
  folder = await mkdtemp(join(tmpdir(), 'wall-product-'));
  const [http, modbus, opcua, mqtt] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  product = spawn(process.execPath, ['bin/signalbox.mjs', 'start', '--port', String(http), '--data', folder], {
    env: {
      ...process.env,
      SIMULATOR_MODBUS_PORT: String(modbus),
      SIMULATOR_OPCUA_PORT: String(opcua),
      SIMULATOR_MQTT_PORT: String(mqtt),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  product.stdout?.on('data', (chunk) => (printed += chunk));
  product.stderr?.on('data', (chunk) => (printed += chunk));
  await until('the link with the key', () => /http\S+#key=\S+/.test(printed) || failed(printed), 60_000);
  link = /http\S+#key=\S+/.exec(printed)?.[0] ?? '';
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  if (product?.exitCode === null) {
    product.kill('SIGTERM');
    const killer = setTimeout(() => product.kill('SIGKILL'), 8000);
    await once(product, 'exit');
    clearTimeout(killer);
  }
  await rm(folder, { recursive: true, force: true });
});

test('the printed link opens the overview of the demo plant, named as simulated', async () => {
  const page = await wall('/');
  await until('a tile for every asset', async () => (await page.locator('.tile').count()) > 80, 15_000);
  assert.match((await page.locator('.flag.simulated').textContent()) ?? '', /SIMULATED/);
  assert.equal(new URL(page.url()).hash, '', 'the key is out of the address');
  await until('values', async () => (await page.locator('.site-panel .figure .reading.good').count()) > 5, 15_000);
  await page.context().close();
});

test('check 7: a real alarm leads to its asset, and its acknowledgement shows on both walls within a second', async () => {
  const [desk, other] = await Promise.all([wall('/alarms'), wall('/alarms')]);
  const unacknowledged = '.alarm-row[class*="look-unack"]';
  await until('an unacknowledged alarm', async () => (await desk.locator(unacknowledged).count()) > 0, 90_000);
  const id = (await desk.locator(unacknowledged).first().getAttribute('data-id')) ?? '';
  const row = `[data-id="${id}"]`;
  await other.waitForSelector(`${row} .blinks`);
  await desk.click(`${row} .cell-state`);
  await desk.keyboard.press('a');
  await desk.click('dialog button.primary');
  const took = await Promise.all(
    [desk, other].map((page) =>
      until('steady', async () => (await page.locator(`${row}:not(.gone) .blinks`).count()) === 0),
    ),
  );
  // Under a second on an idle machine; the bound here leaves room for a busy one.
  assert.ok(Math.max(...took) < 5000, `${took} ms`);
  await desk.waitForSelector('.note.done');
  await Promise.all([desk.context().close(), other.context().close()]);
});

test('an asset shows values with their bars and a trend from the historian', async () => {
  const page = await wall('/asset/wt-1?range=15m');
  await until('a curve', async () => (await page.locator('.plot canvas').count()) >= 1, 15_000);
  await until('bars', async () => (await page.locator('.metric-row .bar-pointer').count()) > 3, 15_000);
  await until('good values', async () => (await page.locator('.metric-row .reading.good').count()) > 3, 15_000);
  await page.context().close();
});

test('check 11: a server that hangs is noticed within 3 s, and the wall goes on when it wakes', async () => {
  const page = await wall('/');
  await page.waitForSelector('.tile');
  product.kill('SIGSTOP');
  try {
    const tookMs = await until('the banner', async () => (await page.locator('.link-banner').count()) === 1);
    assert.ok(tookMs <= 3000, `${tookMs} ms`);
  } finally {
    product.kill('SIGCONT');
  }
  await until('live again', async () => (await page.locator('.link-banner').count()) === 0, 20_000);
  await until('the clock goes on', async () => (await page.locator('.clock.stopped').count()) === 0);
  await page.context().close();
});

test('no page complained, nor broke the content security policy', () => assert.deepEqual(complaints, []));

async function wall(path: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1920, height: 1080 }, colorScheme: 'dark' });
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/WebSocket|ERR_/.test(message.text())) complaints.push(message.text());
  });
  await page.goto(link);
  await page.waitForSelector('.link-state.live');
  if (path !== '/') {
    await page.goto(new URL(path, link).href);
    await page.waitForSelector('.link-state.live');
  }
  return page;
}

function failed(printed: string): false {
  if (product.exitCode !== null) assert.fail(`the product ended: ${printed}`);
  return false;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

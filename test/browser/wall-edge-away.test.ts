/**
 * Goal: a link to an edge that is lost is seen on every page that shows something of it, since when and in words, and a command on
 * its way to it is seen until it is known what became of it. When the link is back nothing of that is left.
 * Method: a centre and an edge put together as `signalbox start` does, a proxy between them that cuts, and a browser at the centre.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Browser, Page } from 'playwright-core';
import { type RunningPlant, startPlant } from '../../cli/plant.ts';
import { readPlant } from '../../cli/topology.ts';
import { readSettings } from '../../runtime/settings.ts';
import { launchChromium } from '../support/chromium.ts';
import { until } from '../support/condition.ts';
import { writeEdgePlant } from '../support/edge-plant.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { TcpProxy } from '../support/servers/tcp-proxy.ts';
import { tempDir } from '../support/temp-dir.ts';

const WITHIN_MS = 20_000;
const ALARM = 'asset/far-tank:high';
const SINCE = /Link to the edge edge-7 lost since \d\d:\d\d:\d\d/;

const temp = tempDir('wall-edge');
let nats: NatsServer;
let broker: Mosquitto;
let proxy: TcpProxy;
let mqtt: MqttClient;
let core: RunningPlant;
let edge: RunningPlant;
let browser: Browser;
let topology: string;
const complaints: string[] = [];

async function start(cell: string, topology: string, more: Record<string, unknown>): Promise<RunningPlant> {
  const of = { CELL: cell, DATA_DIR: path.join(temp.dir, cell), PORT: 0, LOG_LEVEL: 'fatal', ...more };
  const read = readSettings({}, {}, of);
  assert.ok(read.ok, JSON.stringify(read));
  return startPlant({ settings: read.settings, plant: await readPlant(topology), simulators: false });
}

before(async () => {
  if (noNats !== false) return;
  [nats, broker, browser] = await Promise.all([NatsServer.start(), Mosquitto.start(temp.dir), launchChromium()]);
  proxy = await TcpProxy.start(nats.port);
  topology = writeEdgePlant(temp.dir, broker.url);
  core = await start('core', topology, { NATS_URL: nats.url });
  mqtt = await connectAsync(broker.url);
});
after(async () => {
  await browser?.close();
  await mqtt?.endAsync();
  await edge?.stop();
  await core?.stop();
  await proxy?.close();
  await broker?.kill('SIGKILL');
  await nats?.remove();
  temp.remove();
});

async function wall(colorScheme: 'dark' | 'light'): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1920, height: 1080 }, colorScheme });
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`${core.url}#key=${core.key}`);
  await page.waitForSelector('.link-state.live');
  return page;
}

const publish = (topic: string, level: number) =>
  mqtt.publishAsync(topic, JSON.stringify({ ts: Date.now(), metrics: { level } }), { qos: 1 });
const words = async (page: Page, selector: string) =>
  ((await page.locator(selector).first().innerText()) ?? '').replace(/\s+/g, ' ');
const sees = (page: Page, selector: string) =>
  until(selector, () => page.locator(selector).first().isVisible(), WITHIN_MS);
const isGone = (page: Page, selector: string) =>
  until(`no ${selector}`, async () => (await page.locator(selector).count()) === 0, WITHIN_MS);
/** For whoever looks at the pages themselves: a folder for their pictures. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.WALL_PICTURES;
  if (folder !== undefined) await page.screenshot({ path: path.join(folder, `${name}.png`) });
}
const go = async (page: Page, to: string) => {
  await page.goto(core.url.replace(/\/$/, '') + to);
  await page.waitForSelector('.link-state.live');
};

interface List {
  readonly items: readonly { readonly id: string; readonly away?: { readonly neverHeard?: boolean } }[];
  readonly complete: boolean;
  readonly loading?: { readonly shards: number; readonly cells?: readonly string[] };
}
const get = async (route: string): Promise<List> => {
  const answer = await fetch(`${core.url.replace(/\/$/, '')}/api/v1${route}`, {
    headers: { authorization: `Bearer ${core.key}` },
  });
  assert.equal(answer.status, 200, route);
  return (await answer.json()) as List;
};

test('an edge that was never heard has what the topology says of it, marked as never heard, and lists say that they lack it', {
  skip: noNats,
}, async () => {
  const assets = await get('/assets');
  assert.deepEqual([assets.complete, assets.loading?.cells, assets.loading?.shards], [false, ['edge-7'], 0]);
  assert.deepEqual(
    assets.items.map(({ id, away }) => [id, away?.neverHeard]),
    [
      ['far-tank', true],
      ['near-tank', undefined],
    ],
  );
  assert.equal((await get('/assets?site=works')).complete, true, 'the centre has all of its own sites');
  for (const route of [
    '/assets?site=farm',
    '/alarms',
    '/workorders',
    '/devices',
    '/sites',
    '/assets/far-tank/hierarchy',
  ])
    assert.equal((await get(route)).complete, false, route);

  const page = await wall('dark');
  await sees(page, '.condition.grave');
  assert.match(
    await words(page, '.condition.grave'),
    /^EDGE NEVER HEARD edge-7 1 site, 1 asset and 1 device are listed as the topology file has them\./,
  );
  await sees(page, '.tile[href="/asset/far-tank"].is-away');
  assert.deepEqual((await page.locator('.site-alarms').allInnerTexts()).sort(), ['Alarms not known', 'No alarms']);
  assert.equal(await page.locator('.condition', { hasText: /FIELD LINK|STILL LOADING|SERVER/ }).count(), 0);
  await picture(page, 'never-heard');
  await go(page, '/asset/far-tank');
  await sees(page, '.standing');
  assert.match(await words(page, '.standing'), /^NEVER HEARD The edge edge-7 has told nothing of it/);
  await picture(page, 'never-heard-asset');
  await go(page, '/devices');
  await sees(page, 'tr.is-away .as-of >> text=never heard');
  await page.click('.condition.grave a');
  await sees(page, 'tr[data-edge="edge-7"] >> text=Never heard');
  await picture(page, 'edges-never-heard');

  edge = await start('edge-7', topology, { UPLINK_URL: proxy.url });
  await isGone(page, '.is-away');
  await isGone(page, '.condition.grave');
  await until('the lists are whole', async () => (await get('/assets')).complete, WITHIN_MS);
  const whole = await get('/assets');
  assert.deepEqual([whole.loading, whole.items.length], [undefined, 2]);
  assert.ok(whole.items.every(({ away }) => away === undefined));
  await page.context().close();
});

test('an edge behind a cut link is shown as it was on every page, and a command for it as waiting', {
  skip: noNats,
}, async () => {
  await publish('works/near', 40);
  await publish('farm/far', 80);
  const page = await wall('dark');
  const tile = '.tile[href="/asset/far-tank"]';
  await sees(page, `${tile}.abnormal-tile`);
  assert.equal(await page.locator('.is-away').count(), 0);

  proxy.cut();
  await sees(page, `${tile}.is-away`);
  assert.equal(await page.locator('.tile[href="/asset/near-tank"].is-away').count(), 0, 'the centre itself speaks');
  assert.match(await words(page, tile), /as of \d\d:\d\d:\d\d/);
  assert.match((await page.locator(tile).getAttribute('aria-label')) ?? '', /away, link to the edge edge-7 lost since/);
  await sees(page, '.condition.grave');
  assert.match(
    await words(page, '.condition.grave'),
    /^LINK TO EDGE LOST edge-7 since \d\d:\d\d:\d\d \S+, for \d+ s: 1 site, 1 asset and 1 device are shown as of then\./,
  );
  assert.match(await words(page, '.counter.aside:has-text("Away")'), /Away 3/);
  await picture(page, 'overview');

  await go(page, `/alarms?alarm=${encodeURIComponent(ALARM)}`);
  await sees(page, `.alarm-row[data-id="${ALARM}"] .as-of`);
  assert.match(
    (await page.locator(`.alarm-row[data-id="${ALARM}"]`).getAttribute('aria-label')) ?? '',
    /as it was when/,
  );
  await page.locator(`.alarm-row[data-id="${ALARM}"]`).click();
  await sees(page, '.alarm-detail');
  assert.match(await words(page, '.alarm-detail'), /lost since .*whether the alarm still stands is not known here/);
  await picture(page, 'alarms');
  // By the keyboard alone.
  await page.keyboard.press('a');
  await page.locator('dialog[open] button[type="submit"], dialog[open] .button.primary').first().click();
  await sees(page, '.note.waiting');
  assert.match(await words(page, '.note.waiting'), /Acknowledge: High waits for the link to its edge/);
  const rowTag = `.alarm-row[data-id="${ALARM}"] .underway-tag`;
  await sees(page, rowTag);
  assert.match(await words(page, rowTag), /^Acknowledge by first-key waits since \d\d:\d\d:\d\d$/);
  assert.match(
    (await page.locator(`.alarm-row[data-id="${ALARM}"]`).getAttribute('aria-label')) ?? '',
    /acknowledge waits for its edge/,
  );
  assert.match(
    await words(page, '.alarm-detail'),
    /WAITING Acknowledge alarm by first-key, since .* waits for the link\. Given up at/,
  );
  assert.equal(await page.locator('.underway-tag').count(), 1, 'no other alarm has one');
  await sees(page, '.counter.aside:has-text("Waiting")');
  assert.equal(await page.locator('text=SERVER DEGRADED').count(), 0, 'the lost link has a line of its own');
  await picture(page, 'alarms-waiting');
  // The node of the edge is no asset, and takes commands all the same.
  const route = `/api/v1/alarms/${encodeURIComponent('node/edge-7-1:clock-offset')}/acknowledge`;
  const told = await fetch(core.url.replace(/\/$/, '') + route, {
    method: 'POST',
    headers: { authorization: `Bearer ${core.key}`, 'content-type': 'application/json' },
    body: '{}',
  });
  assert.match(await told.text(), /PENDING/);
  await sees(page, '.counter.aside:has-text("Waiting") .number >> text=2');
  await go(page, '/node/edge-7-1');
  await sees(page, '.standing');
  assert.match(await words(page, '.standing'), /WAITING Acknowledge alarm by first-key/);

  await page.keyboard.press('g');
  await page.keyboard.press('l');
  const row = 'tr[data-edge="edge-7"]';
  await sees(page, `${row}.notable >> text=Link lost`);
  await page.keyboard.press('ArrowDown');
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'edge-7');
  const commands = 'section[aria-label="Commands on their way"]';
  assert.equal(await page.locator(`${commands} tbody tr`).count(), 2);
  assert.match(
    await words(page, `${commands} tbody`),
    /Acknowledge alarm high Far tank first-key \d\d:\d\d:\d\d \S+ \d\d:\d\d:\d\d \S+ waits for the link/,
  );
  const figures = await words(page, 'section[aria-label="Edge edge-7"]');
  assert.match(figures, /Link Link lost since \d\d:\d\d:\d\d .*Node edge-7-1 .*Dropped nothing since its start/);
  assert.match(figures, /Disk 0 % of its budget of 100 GB/);
  await sees(page, 'section[aria-label="Nodes"] tr >> text=edge-7-1');
  await picture(page, 'edges-lost');

  for (const [to, name] of [
    ['/asset/far-tank', 'asset'],
    ['/device/far', 'device'],
    ['/site/farm', 'site'],
  ] as const) {
    await go(page, to);
    await sees(page, '.standing');
    assert.match(await words(page, '.standing'), SINCE, to);
    await sees(page, '.page.is-away');
    assert.equal(await page.locator('.standing').getAttribute('role'), 'status');
    await picture(page, name);
  }
  await go(page, '/asset/far-tank');
  await sees(page, '.standing');
  assert.match(await words(page, '.standing'), /WAITING Acknowledge alarm by first-key, since .* waits for the link/);
  await go(page, '/devices');
  await sees(page, 'tr.is-away .as-of');
  await picture(page, 'devices');
  const light = await wall('light');
  await sees(light, `${tile}.is-away`);
  await picture(light, 'overview-light');
  await go(light, '/asset/far-tank');
  await sees(light, '.standing');
  await picture(light, 'asset-light');
  await light.context().close();

  await go(page, '/asset/far-tank');
  proxy.mend();
  await isGone(page, '.standing');
  await isGone(page, '.is-away');
  await isGone(page, '.condition.grave');
  await until(
    'it was acknowledged there',
    async () => (await words(page, '.asset-alarms')).includes('Acknowledged'),
    WITHIN_MS,
  );
  await isGone(page, '.counter.aside:has-text("Waiting")');
  await go(page, '/edges');
  await sees(page, 'tr[data-edge="edge-7"] >> text=Linked');
  await sees(page, 'text=No command waits for edge-7.');
  await until(
    'how far the clock of the edge is off',
    async () =>
      /Clock \S?\d+ ms against that of the centre/.test(await words(page, 'section[aria-label="Edge edge-7"]')),
    WITHIN_MS,
  );
  await picture(page, 'edges-linked');
  await go(page, `/alarms?alarm=${encodeURIComponent(ALARM)}`);
  await sees(page, `.alarm-row[data-id="${ALARM}"]`);
  await isGone(page, '.underway-tag');
  await picture(page, 'asset-back');
  assert.deepEqual(complaints, []);
});

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { orderOf } from '../support/wall-order.ts';
import { until, WallBench } from '../support/wall-page.ts';

/** Requirements part 5, check 14: where keys lead on every level. */
let bench: WallBench;
before(async () => {
  bench = await WallBench.open(50);
  const { scene } = bench.server;
  for (const number of ['WO-20260101-00001', 'WO-20260101-00002']) {
    scene.orders.set(number, orderOf(number, 'north-pump-3', scene, Date.now()));
  }
});
after(() => bench.close());

const pathOf = (page: Page) => new URL(page.url()).pathname;
const focusedLink = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute('href') ?? null);

test('check 14: Escape leads from a device or a work order to its asset, its site, the overview, and no further', async () => {
  for (const start of ['/device/north-pump-3-plc', '/workorder/WO-20260101-00001']) {
    const page = await bench.wall(start);
    await page.waitForSelector('.page-header');
    for (const [next, shown] of [
      ['/asset/north-pump-3', '.asset-page .page-header'],
      ['/site/north', '.site-page .page-header'],
      ['/', '.tile'],
    ] as const) {
      await page.keyboard.press('Escape');
      await until(next, () => pathOf(page) === next);
      await page.waitForSelector(shown);
    }
    for (let i = 0; i < 3; i++) await page.keyboard.press('Escape');
    await page.keyboard.press('g');
    await page.keyboard.press('d');
    await until('still the wall', () => pathOf(page) === '/devices');
    await page.context().close();
  }
});

test('check 14: on a fresh overview Escape does nothing', async () => {
  const page = await bench.wall('/');
  await page.waitForSelector('.tile');
  const length = await page.evaluate(() => history.length);
  for (let i = 0; i < 3; i++) await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.waitForSelector('dialog.help[open]');
  assert.equal(pathOf(page), '/');
  assert.equal(await page.evaluate(() => history.length), length);
  await page.context().close();
});

test('check 14: arrow keys, j and k move a focus that is seen through the tables, and Enter opens what it stands on', async () => {
  for (const [table, detail] of [
    ['/devices', '/device/'],
    ['/workorders', '/workorder/'],
  ] as const) {
    const page = await bench.wall(table);
    await page.waitForSelector('.row-table tbody tr:nth-child(2)');
    const hrefs = await page
      .locator('.row-table tbody tr')
      .evaluateAll((rows) => rows.map((row) => row.querySelector('a')?.getAttribute('href') ?? ''));
    for (const [key, row] of [
      ['ArrowDown', 0],
      ['ArrowDown', 1],
      ['k', 0],
      ['j', 1],
      ['ArrowUp', 0],
      ['End', hrefs.length - 1],
      ['Home', 0],
      ['j', 1],
    ] as const) {
      await page.keyboard.press(key);
      assert.equal(await focusedLink(page), hrefs[row], `${key} on ${table}`);
    }
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineStyle);
    const ground = (row: number) =>
      page
        .locator(`.row-table tbody tr:nth-child(${row}) td >> nth=0`)
        .evaluate((td) => getComputedStyle(td).backgroundColor);
    assert.notEqual(outline, 'none');
    assert.notEqual(await ground(2), await ground(1), 'the row is marked');
    await page.keyboard.press('Enter');
    await until('the detail', () => pathOf(page) === hrefs[1]);
    assert.ok(pathOf(page).startsWith(detail));
    await page.context().close();
  }
});

test('the page of keys shows those that work where one is', async () => {
  const page = await bench.wall('/devices');
  const hints = async () => {
    await page.keyboard.press('?');
    await page.waitForSelector('dialog.help[open]');
    const text = await page.locator('.keys').innerText();
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog.help', { state: 'detached' });
    return text;
  };
  const onDevices = await hints();
  assert.match(onDevices, /Move in a list/);
  assert.doesNotMatch(onDevices, /Acknowledge|between tiles/);
  await page.goto(`${bench.server.url}/alarms`);
  await page.waitForSelector('.link-state.live');
  assert.match(await hints(), /Acknowledge[\s\S]*Shelve/);
  await page.context().close();
});

test('g l leads to the edges and nodes, and a plant without edges is told as such', async () => {
  const page = await bench.wall('/');
  await page.keyboard.press('g');
  await page.keyboard.press('l');
  await page.waitForURL('**/edges');
  await page.waitForSelector('.empty >> text=No edges.');
  assert.equal(await page.locator('.loading, .problem').count(), 0);
  await page.context().close();
});

test('no page of these complained', () => assert.deepEqual(bench.complaints, []));

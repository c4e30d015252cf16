import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { orderOf } from '../support/wall-order.ts';
import { follow, until, WallBench } from '../support/wall-page.ts';

/**
 * Requirements part 5, check 16: times are those of the site, with their offset; source and receive time can be inspected. The
 * browser stands in New Zealand, the organization in Oslo and the site in India, so that no two of them can be mistaken.
 */
let bench: WallBench;
before(async () => {
  bench = await WallBench.open(20);
  const { scene } = bench.server;
  const order = orderOf('WO-20261121-00001', 'valley-pump-2', scene, Date.now(), {
    state: 'open',
    transitions: ['schedule'],
  });
  scene.orders.set('WO-20261121-00001', order);
  bench.server.raise({
    asset: 'valley-pump-2',
    rule: 'temp-high',
    severity: 'HIGH',
    detail: 'ACTIVE_ACK',
    raisedAtMs: Date.now() - 60_000,
    name: 'Bearing hot',
    message: 'm',
  });
});
after(() => bench.close());

const SITE = 'Asia/Kolkata';

/** What a reader sees: neither hidden parts nor those of a screen reader alone. */
const textOf = async (page: Page, selector: string) => (await page.locator(selector).allInnerTexts())[0] ?? '';

test('on every page of a site the clock and each instant are in the time of the site, with its offset', async () => {
  const page = await bench.wall('/site/valley');
  for (const path of [
    '/site/valley',
    '/asset/valley-pump-2',
    '/device/valley-pump-2-plc',
    '/workorder/WO-20261121-00001',
    '/alarms?site=valley',
    '/devices?site=valley',
    '/workorders?site=valley',
  ]) {
    await follow(page, path);
    await until(`${path}: the clock of the site`, async () => /UTC\+05:30/.test(await textOf(page, '.top-bar .clock')));
    const wrong = await instantsNotIn(page, SITE, '+05:30');
    assert.deepEqual(wrong, [], path);
  }
  await page.context().close();
});

test('on pages of several sites the clock names the zone of the organization, and other instants carry their own offset', async () => {
  const page = await bench.wall('/');
  for (const path of ['/', '/alarms', '/workorders', '/events']) {
    await follow(page, path);
    await until(`${path}: Oslo`, async () => /UTC\+0[12]:00 Oslo/.test(await textOf(page, '.top-bar .clock')));
    await until(
      `${path}: an instant`,
      async () => path === '/events' || (await page.locator('time.moment').count()) > 0,
    );
    assert.deepEqual(await instantsNotIn(page, SITE, '+05:30'), [], path);
  }
  await page.context().close();
});

test('an event of a site is dated in its time', async () => {
  const page = await bench.wall('/events');
  const before = await page.locator('[data-event]').count();
  bench.server.raise({
    asset: 'valley-pump-1',
    rule: 'r',
    severity: 'LOW',
    detail: 'ACTIVE_ACK',
    raisedAtMs: Date.now(),
    name: 'n',
    message: 'm',
  });
  await until('the event', async () => (await page.locator('[data-event]').count()) > before);
  assert.deepEqual(await instantsNotIn(page, SITE, '+05:30'), []);
  assert.match(await textOf(page, 'th .stated-offset'), /UTC\+0[12]:00/);
  await page.context().close();
});

test('each site of the overview has its own clock', async () => {
  const page = await bench.wall('/');
  await page.waitForSelector('.site-panel .clock-offset');
  const offsets = await page.locator('.site-panel .clock-offset').allTextContents();
  assert.equal(offsets.length, 5);
  assert.ok(offsets.includes('UTC+05:30'), offsets.join());
  await page.context().close();
});

test('a lost link is dated in the time of the site', async () => {
  const page = await bench.wall('/asset/valley-pump-2');
  await until('the clock of the site', async () => /UTC\+05:30/.test(await textOf(page, '.top-bar .clock')));
  bench.server.silent = true;
  await page.waitForSelector('.link-banner');
  bench.server.silent = false;
  assert.match(await textOf(page, '.link-banner'), /\d\d:\d\d:\d\d UTC\+05:30/);
  await page.context().close();
});

test('by keyboard: both times of a value of an asset, the skew between them and its age; a refresh shows them again', async () => {
  const page = await bench.wall('/asset/valley-pump-2');
  await page.waitForSelector('.metric-row');
  // What listens for keys is there a frame or two after what is seen.
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn, 100))));
  await page.keyboard.press('i');
  await page.locator('.metric-row .facts').first().waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('i');
  const facts = page.locator('.metric-row[data-value="temperature"] .facts');
  await facts.waitFor();
  assert.equal(await page.locator('.metric-row .facts').count(), 2);
  const sourceMs = Date.now() - 30_000;
  bench.server.setAsset('valley-pump-2', {
    values: { temperature: 63 },
    times: { temperature: sourceMs },
    received: { temperature: sourceMs + 1234 },
  });
  await until('the new times', async () => /1\.234 s/.test((await facts.textContent()) ?? ''));
  const told = (part: string) => textOf(page, `.metric-row[data-value="temperature"] ${part}`);
  assert.equal(
    await told('.source-time time'),
    `${stamp(sourceMs, SITE)} UTC+05:30\n${new Date(sourceMs).toISOString()}`,
  );
  assert.equal(
    await told('.receive-time time'),
    `${stamp(sourceMs + 1234, SITE)} UTC+05:30\n${new Date(sourceMs + 1234).toISOString()}`,
  );
  assert.match(await told('.facts'), /Age\s+(2[5-9]|3\d) s/);
  await page.waitForURL(/value=flow.*temperature/);
  await page.reload();
  await page.waitForSelector('.metric-row[data-value="temperature"] .source-time');
  await page.context().close();
});

test('by mouse: both times of a point of a device; a clock that is ahead is called so', async () => {
  const page = await bench.wall('/device/valley-pump-2-plc');
  await page.click('tr[data-value="setpoint"] [data-inspect]');
  await page.waitForSelector('.point-detail');
  const sourceMs = Date.now();
  bench.server.setDevice('valley-pump-2-plc', {
    times: { setpoint: sourceMs },
    received: { setpoint: sourceMs - 2500 },
  });
  await until('the skew', async () =>
    /−2\.500 s: the clock of the source is ahead/.test(await textOf(page, '.point-detail')),
  );
  assert.match(await textOf(page, '.point-detail .source-time'), new RegExp(stamp(sourceMs, SITE)));
  assert.match(await textOf(page, '.point-detail .receive-time'), new RegExp(stamp(sourceMs - 2500, SITE)));
  await page.click('tr[data-value="setpoint"] [data-inspect]');
  await page.waitForSelector('.point-detail', { state: 'detached' });
  await page.context().close();
});

test('work is scheduled in the time of the site, whatever the computer shows', async () => {
  const page = await bench.wall('/workorder/WO-20261121-00001');
  await page.click('.order-actions button >> text=Schedule');
  await page.fill('dialog input[type=datetime-local]', '2026-12-01T08:00');
  assert.match(await textOf(page, 'dialog'), /UTC\+05:30/);
  await page.click('dialog button.primary');
  await until('the command', () => bench.server.commands.length > 0);
  assert.equal(bench.server.commands.at(-1)?.command.scheduledForMs, Date.UTC(2026, 11, 1, 2, 30));
  await page.context().close();
});

test('no page of these complained', () => assert.deepEqual(bench.complaints, []));

/** Instants on the page whose text is another than the site's time of their own `datetime`, or which lack an offset that no header states. */
async function instantsNotIn(page: Page, zone: string, offset: string): Promise<string[]> {
  const instants = page.locator('time.moment');
  const [texts, given] = await Promise.all([
    instants.allInnerTexts(),
    instants.evaluateAll((all) =>
      all.map((element) => ({
        iso: element.getAttribute('datetime') ?? '',
        stated: element.closest('.offset-stated, .alarm-list') !== null && element.classList.contains('same-offset'),
      })),
    ),
  ]);
  return given.flatMap(({ iso, stated }, i) => {
    const text = texts[i] ?? '';
    const right = text.includes(stamp(Date.parse(iso), zone).slice(11, 19)) && (stated || text.includes(offset));
    return right ? [] : [`${iso} is shown as ${text}`];
  });
}

/** `2026-11-21 13:04:05.678` in a zone, made in another way than the page does it. */
function stamp(timeMs: number, zone: string): string {
  const local = new Date(timeMs).toLocaleString('sv-SE', { timeZone: zone });
  return `${local}.${String(timeMs % 1000).padStart(3, '0')}`;
}

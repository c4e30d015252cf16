import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { until, WallBench } from '../support/wall-page.ts';

/** Requirements part 5, checks 5 to 8, 13 and 14: working with alarms. */
let bench: WallBench;
before(async () => {
  bench = await WallBench.open(500);
});
after(() => bench.close());

const rows = (page: Page) =>
  page.locator('.alarm-row[data-id]').evaluateAll((all) => all.map((row) => row.getAttribute('data-id') ?? ''));

function raise(asset: string, severity: 'CRITICAL' | 'HIGH' | 'MEDIUM' | 'LOW', rule = 'temp-high') {
  return bench.server.raise({
    asset,
    rule,
    severity,
    detail: 'ACTIVE_UNACK',
    raisedAtMs: Date.now(),
    name: 'Bearing hot',
    message: 'Bearing at 91.4 °C',
  });
}

test('check 6: of 500 assets the abnormal one stands in the strip with priority and time, and nothing else does', async () => {
  const page = await bench.wall('/');
  await page.waitForSelector('.abnormal.calm');
  raise('ridge-pump-42', 'HIGH');
  const tookMs = await until(
    'the alarm in the strip',
    async () => (await page.locator('.abnormal-item').count()) === 1,
  );
  assert.ok(tookMs < 5000, `${tookMs} ms`);
  const item = page.locator('.abnormal-item');
  const text = (await item.textContent()) ?? '';
  assert.match(text, /Pump R042.*Bearing hot.*\d\d:\d\d:\d\d.*Ridge wind farm/s);
  assert.equal(await item.locator('.symbol').getAttribute('aria-label'), 'high, unacknowledged');
  assert.equal(await page.locator('.tile.abnormal-tile').count(), 1);
  assert.equal(await page.locator('.tile .symbol').count(), 1);
  await page.context().close();
});

test('check 7: one click leads from an alarm to its asset; an acknowledgement shows on the other wall within 5 s', async () => {
  const [desk, wall] = await Promise.all([bench.wall('/'), bench.wall('/')]);
  await desk.click('.abnormal-item');
  await desk.waitForURL('**/asset/ridge-pump-42');
  await wall.waitForSelector('.abnormal-item .blinks');
  await desk.click('.alarm-detail button >> text=Acknowledge');
  await desk.click('dialog button.primary');
  const tookMs = await until(
    'steady on the other wall',
    async () => (await wall.locator('.abnormal-item .blinks').count()) === 0,
  );
  assert.ok(tookMs < 5000, `${tookMs} ms`);
  await desk.waitForSelector('.note.done');
  await Promise.all([desk.context().close(), wall.context().close()]);
  bench.server.clearAlarms();
});

test('check 5: unacknowledged first, then priority, then newest', async () => {
  const page = await bench.wall('/alarms');
  const now = Date.now();
  const put = (
    asset: string,
    severity: 'CRITICAL' | 'HIGH' | 'LOW',
    detail: 'ACTIVE_UNACK' | 'ACTIVE_ACK',
    agoMs: number,
  ) => bench.server.raise({ asset, rule: 'r', severity, detail, raisedAtMs: now - agoMs, name: 'n', message: 'm' });
  put('north-pump-1', 'CRITICAL', 'ACTIVE_ACK', 1000);
  put('north-pump-2', 'LOW', 'ACTIVE_UNACK', 5000);
  put('north-pump-3', 'HIGH', 'ACTIVE_UNACK', 9000);
  put('north-pump-4', 'HIGH', 'ACTIVE_UNACK', 3000);
  await until('four rows', async () => (await rows(page)).length === 4);
  assert.deepEqual(
    await rows(page),
    [4, 3, 2, 1].map((n) => `asset/north-pump-${n}:r`),
  );
  await page.context().close();
});

test('check 5: no row moves under the pointer, new ones are announced and come when the list is let go', async () => {
  const page = await bench.wall('/alarms');
  await until('four rows', async () => (await rows(page)).length === 4);
  const before = await rows(page);
  await page.hover(`[data-id="${before[2]}"]`);
  raise('coast-pump-9', 'CRITICAL', 'r');
  await page.waitForSelector('.announce');
  assert.match((await page.locator('.announce').textContent()) ?? '', /1 new/);
  assert.deepEqual(await rows(page), before);
  await page.mouse.move(5, 5);
  await until('five rows', async () => (await rows(page)).length === 5);
  assert.equal((await rows(page))[0], 'asset/coast-pump-9:r');
  await page.context().close();
});

test('check 5: the focus holds the rows as the pointer does', async () => {
  const page = await bench.wall('/alarms');
  await until('five rows', async () => (await rows(page)).length === 5);
  await page.keyboard.press('ArrowDown');
  await page.waitForSelector('.alarm-row.focused:focus');
  const before = await rows(page);
  raise('coast-pump-10', 'CRITICAL', 'r');
  await page.waitForSelector('.announce');
  assert.deepEqual(await rows(page), before);
  await page.keyboard.press('n');
  await until('six rows', async () => (await rows(page)).length === 6);
  await page.context().close();
  bench.server.clearAlarms();
});

test('check 5: nothing in the strip of the overview moves under the pointer or the focus, and new ones are announced', async () => {
  const page = await bench.wall('/');
  await page.waitForSelector('.abnormal.calm');
  raise('coast-pump-1', 'LOW');
  raise('coast-pump-2', 'MEDIUM');
  const strip = () => page.locator('.abnormal-item').evaluateAll((all) => all.map((item) => item.getAttribute('href')));
  await until('two in the strip', async () => (await strip()).length === 2);
  const before = await strip();
  await page.hover('.abnormal-item:nth-child(2)');
  raise('coast-pump-3', 'CRITICAL');
  await until('the announcement', async () => (await page.locator('.abnormal-waiting').count()) === 1);
  assert.match((await page.locator('.abnormal-waiting').textContent()) ?? '', /1 new/);
  assert.deepEqual(await strip(), before);
  await page.locator('.abnormal-item').first().focus();
  await page.mouse.move(5, 900);
  raise('coast-pump-4', 'HIGH');
  await until('both announced', async () =>
    /2 new/.test((await page.locator('.abnormal-waiting').textContent()) ?? ''),
  );
  assert.deepEqual(await strip(), before);
  await page.keyboard.press('Escape');
  await until('let go', async () => (await strip()).length === 4);
  assert.equal((await strip())[0], '/asset/coast-pump-3');
  await page.context().close();
  bench.server.clearAlarms();
});

test('check 4: a tile and the row of a site draw the gravest alarm in its own state, as the alarm list does', async () => {
  const states = { 'north-pump-1': 'RTN_UNACK', 'north-pump-2': 'LATCHED_ACK', 'north-pump-3': 'ACTIVE_ACK' } as const;
  const raisedAtMs = Date.now();
  for (const [asset, detail] of Object.entries(states)) {
    bench.server.raise({ asset, rule: 'trip', severity: 'CRITICAL', detail, raisedAtMs, name: 'Trip', message: 'm' });
  }
  raise('north-pump-3', 'LOW');
  const page = await bench.wall('/alarms');
  const label = (selector: string) => page.locator(selector).first().getAttribute('aria-label');
  const listed = new Map<string, string | null>();
  for (const asset of Object.keys(states)) {
    await page.waitForSelector(`.alarm-row[data-id="asset/${asset}:trip"]`);
    listed.set(asset, await label(`.alarm-row[data-id="asset/${asset}:trip"] .symbol`));
  }
  assert.equal(new Set(listed.values()).size, 3);
  await page.goto(bench.server.url);
  for (const [asset, expected] of listed) {
    await page.waitForSelector(`.tile[href="/asset/${asset}"] .symbol`);
    assert.equal(await label(`.tile[href="/asset/${asset}"] .symbol`), expected);
  }
  assert.equal(await page.locator('.tile[href="/asset/north-pump-3"] .blinks').count(), 0);
  await page.goto(`${bench.server.url}/site/north`);
  for (const [asset, expected] of listed) {
    const symbol = `.asset-row:has(a[href="/asset/${asset}"]) .symbol`;
    await page.waitForSelector(symbol);
    assert.equal(await label(symbol), expected);
  }
  await page.context().close();
  bench.server.clearAlarms();
});

test('check 8: acknowledging reaches no further than the rows in sight', async () => {
  for (let i = 1; i <= 90; i++) raise(`valley-pump-${i}`, 'MEDIUM');
  const page = await bench.wall('/alarms');
  await page.waitForSelector('.pager');
  const visible = await rows(page);
  assert.ok(visible.length > 10 && visible.length < 90);
  await page.click('.list-bar button >> text=Acknowledge visible');
  assert.equal(bench.server.commands.length, 0, 'the first step sends nothing');
  await page.click('dialog button.primary');
  await page.waitForSelector('.note.done');
  const acknowledged = bench.server.commands.map(({ entity, command }) => `${entity}:${command.rule}`);
  assert.deepEqual(acknowledged.sort(), visible.sort());
  await page.context().close();
  bench.server.clearAlarms();
});

test('check 8: shelving takes a reason and an expiry, and the shelved stay in reach', async () => {
  const page = await bench.wall('/alarms');
  raise('coast-pump-3', 'HIGH');
  await until('one row', async () => (await rows(page)).length === 1);
  await page.click('.alarm-row[data-id] .cell-state');
  await page.keyboard.press('s');
  const confirm = page.locator('dialog button.primary');
  assert.equal(await confirm.isDisabled(), true);
  await page.selectOption('dialog select', '120');
  await page.fill('dialog input', 'sensor is replaced tomorrow');
  await confirm.click();
  await until(
    'shelved count',
    async () => (await page.locator('.counter.aside .number').first().textContent()) === '1',
  );
  assert.deepEqual(bench.server.commands.at(-1)?.command, {
    kind: 'ShelveAlarm',
    rule: 'temp-high',
    durationMs: 7_200_000,
    reason: 'sensor is replaced tomorrow',
  });
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await page.waitForURL('**/alarms?list=shelved');
  await until('the shelved alarm', async () => (await rows(page)).length === 1);
  assert.match(
    (await page.locator('.alarm-row .cell-state').last().textContent()) ?? '',
    /Shelved, (1 h 59 min|2 h 00 min) left/,
  );
  await page.context().close();
  bench.server.clearAlarms();
});

test('check 14: keys alone lead to an alarm, acknowledge it in two steps, open its asset and lead up to its site', async () => {
  const page = await bench.wall('/');
  raise('harbour-pump-5', 'CRITICAL');
  await page.waitForSelector('.abnormal-item');
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  await page.waitForURL('**/alarms');
  await page.waitForSelector('.alarm-row[data-id]');
  await page.keyboard.press('ArrowDown');
  await page.waitForSelector('.alarm-row:focus');
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineStyle);
  assert.notEqual(outline, 'none', 'the focus is visible');
  for (const key of ['a', 's', 'c']) {
    await page.keyboard.press(key);
    await page.waitForSelector('dialog[open]');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog[open]', { state: 'detached' });
  }
  for (const key of ['r', 'u', 'm', 't', ' ']) await page.keyboard.press(key);
  assert.equal(bench.server.commands.length, 0, 'no single key writes');
  await page.keyboard.press('a');
  await page.waitForSelector('dialog[open]');
  await page.keyboard.press('Enter');
  await until('the command', () => bench.server.commands.length === 1);
  await page.waitForSelector('.note.done');
  await page.waitForSelector('.alarm-row:focus');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/asset/harbour-pump-5');
  await page.waitForSelector('.asset-page');
  await page.keyboard.press('Escape');
  await page.waitForURL('**/site/harbour');
  await page.keyboard.press('?');
  await page.waitForSelector('dialog.help[open]');
  await page.context().close();
  bench.server.clearAlarms();
});

test('Enter right after the last letter sends the whole text, however late the page is drawn', async () => {
  const page = await bench.wall('/asset/harbour-pump-8');
  raise('harbour-pump-8', 'LOW');
  await page.waitForSelector('.alarm-detail');
  await page.keyboard.press('c');
  await page.waitForSelector('dialog[open] input');
  // In one task, so that no frame is drawn in between; twice, as an impatient hand does.
  await page.evaluate(() => {
    const field = document.activeElement;
    if (!(field instanceof HTMLInputElement)) return;
    field.value = 'Oil level is good.';
    field.dispatchEvent(new InputEvent('input', { bubbles: true }));
    for (let i = 0; i < 2; i++)
      field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
  });
  await page.waitForSelector('.note.done');
  const comments = bench.server.commands.filter(({ command }) => command.kind === 'CommentAlarm');
  assert.deepEqual(
    comments.map(({ command }) => command.text),
    ['Oil level is good.'],
  );
  await page.context().close();
  bench.server.clearAlarms();
});

test('a command that is refused says why, and one without an answer stays pending', async () => {
  const page = await bench.wall('/asset/harbour-pump-6');
  const alarm = raise('harbour-pump-6', 'LOW');
  await page.waitForSelector('.alarm-detail');
  bench.server.mute = true;
  await page.click('.alarm-detail button >> text=Acknowledge');
  await page.click('dialog button.primary');
  await page.waitForSelector('.note.pending');
  bench.server.mute = false;
  await page.click('.alarm-detail button >> text=Take out of service');
  await page.fill('dialog input', 'overhaul');
  await page.click('dialog button.primary');
  await page.waitForSelector('.note.failed');
  assert.match((await page.locator('.note.failed').textContent()) ?? '', /not in a state for that.*NOT_ALLOWED/);
  assert.equal(bench.server.scene.alarms.get(alarm.id)?.detail, 'ACTIVE_UNACK');
  await page.context().close();
  bench.server.clearAlarms();
});

test('check 13: sound follows the priority after a gesture, and silence acknowledges nothing', async () => {
  const page = await bench.wall('/');
  const button = page.locator('.top-bar button', { hasText: /Sound|Silence/ });
  assert.match((await button.textContent()) ?? '', /Sound off/);
  await button.click();
  await until('sound on', async () => /Sound on/.test((await button.textContent()) ?? ''));
  raise('north-pump-20', 'CRITICAL');
  await until('sounding', async () => /Silence$/.test((await button.textContent())?.trim() ?? ''));
  await page.keyboard.press('m');
  await until('silenced', async () => /Silenced/.test((await button.textContent()) ?? ''));
  assert.equal(bench.server.commands.length, 0);
  assert.equal(await page.locator('.abnormal-item .blinks').count(), 1, 'still unacknowledged');
  raise('north-pump-21', 'LOW');
  await until('sounding again for the new one', async () =>
    /Silence$/.test((await button.textContent())?.trim() ?? ''),
  );
  await page.context().close();
  bench.server.clearAlarms();
});

/**
 * Latency on a busy machine says more about the machine than about the page, so what is held to a bound is the processor time
 * of the page's thread; the slowest input (32 to 40 ms on two idle cores) is reported beside it.
 */
test('check 12: 1,000 alarms in 10 s lose none and leave the thread of the page idle for more than half of the time', async (t) => {
  const page = await bench.wall('/alarms');
  await page.evaluate(() => {
    new PerformanceObserver((list) => {
      const slowest = Math.max(Number(document.body.dataset.slowest ?? 0), ...list.getEntries().map((e) => e.duration));
      document.body.dataset.slowest = String(slowest);
    }).observe(Object.assign({ type: 'event', buffered: true }, { durationThreshold: 16 }));
  });
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busySeconds = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return metrics.find((metric) => metric.name === 'TaskDuration')?.value ?? Number.NaN;
  };
  const before = await busySeconds();
  const startMs = performance.now();
  const severities = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'] as const;
  const assets = [...bench.server.scene.assets.keys()];
  const keys = (async () => {
    for (let i = 0; i < 60; i++) await page.keyboard.press(i % 2 === 0 ? 'ArrowDown' : 'ArrowUp', { delay: 60 });
  })();
  let raised = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      for (let i = 0; i < 5; i++, raised++) {
        raise(
          assets[raised % assets.length] ?? '',
          severities[raised % 4] ?? 'LOW',
          `rule-${Math.floor(raised / assets.length)}`,
        );
      }
      if (raised < 1000) return;
      clearInterval(timer);
      resolve();
    }, 50);
  });
  await keys;
  const count = () => page.locator('.tabs [aria-selected="true"] .number').textContent();
  await until('all of them', async () => (await count()) === '1000');
  const busy = (await busySeconds()) - before;
  const share = busy / ((performance.now() - startMs) / 1000);
  t.diagnostic(
    `thread busy ${Math.round(share * 100)} %, slowest input ${await page.evaluate(() => document.body.dataset.slowest)} ms`,
  );
  assert.ok(share < 0.5, `busy for ${share} of the time`);
  await page.context().close();
  bench.server.clearAlarms();
});

test('no page of these complained', () => assert.deepEqual(bench.complaints, []));

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until, WallBench } from '../support/wall-page.ts';

/** Requirements part 5, checks 9 to 11: values and their honesty, and the lost link. */
let bench: WallBench;
before(async () => {
  bench = await WallBench.open(50);
});
after(() => bench.close());

test('check 9: a value carries unit, limits, direction of trend and its normal range', async () => {
  const page = await bench.wall('/asset/north-pump-3');
  const row = page.locator('.metric-row', { hasText: 'Bearing temperature' });
  await row.waitFor();
  assert.equal(await row.locator('.unit').textContent(), '°C');
  assert.equal(await row.locator('.bar-limit').count(), 2);
  assert.equal(await row.locator('.bar-normal').count(), 1);
  assert.equal(await row.locator('.arrow').getAttribute('aria-label'), 'rising');
  assert.match(
    (await row.locator('.bar').getAttribute('aria-label')) ?? '',
    /normal 20 to 75 °C; limits 2 > 85.0 · 1 > 100.0/,
  );
  await until('the plots', async () => (await page.locator('.plot canvas').count()) === 2);
  await page.context().close();
});

test('a value that changes re-renders its own cell and no other', async () => {
  const page = await bench.wall('/asset/north-pump-3');
  const row = page.locator('.metric-row', { hasText: 'Bearing temperature' });
  await row.waitFor();
  await page.evaluate(() => {
    const touched = new Set<string>();
    new MutationObserver((records) => {
      for (const { target } of records) {
        const element = target instanceof Element ? target : target.parentElement;
        if (element?.closest('.clock, .age, .plot, .top-bar, .page-header') === null) {
          touched.add(
            element.closest('.metric-row')?.querySelector('.metric-name')?.textContent ?? element.className.toString(),
          );
        }
        document.body.dataset.touched = [...touched].join();
      }
    }).observe(document.body, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
      attributeFilter: ['style', 'class'],
    });
  });
  bench.server.setAsset('north-pump-3', { values: { vibration: 3.3 } });
  await until(
    'the new value',
    async () =>
      (await page.locator('.metric-row', { hasText: 'Vibration' }).locator('.number').textContent()) === '3.3',
  );
  assert.equal(await page.evaluate(() => document.body.dataset.touched), 'Vibration');
  await page.context().close();
});

test('check 10: stale is grey with its age, bad is struck out, uncertain is marked, and none looks normal', async () => {
  const page = await bench.wall('/asset/north-pump-5');
  await page.waitForSelector('.metric-row');
  const now = Date.now();
  bench.server.setAsset('north-pump-5', {
    marks: {
      temperature: { quality: 'UNCERTAIN', reason: 'stale', sinceMs: now - 7000 },
      flow: { quality: 'BAD', reason: 'sensor_fault', sinceMs: now, lastGood: { value: 112, timeMs: now - 5000 } },
      vibration: { quality: 'SUSPECT', reason: 'rate', sinceMs: now },
    },
  });
  const reading = (title: string) => page.locator('.metric-row', { hasText: title }).locator('.reading');
  await page.waitForSelector('.metric-row .reading.stale');
  assert.match((await reading('Bearing temperature').textContent()) ?? '', /stale\s*[678] s/);
  assert.match((await reading('Flow').textContent()) ?? '', /BAD\s*\(112.0\)/);
  assert.match((await reading('Vibration').textContent()) ?? '', /\?/);
  const ink = (selector: string) =>
    page
      .locator(`.values-panel ${selector} .number`)
      .first()
      .evaluate((n) => {
        const { color, textDecorationLine } = getComputedStyle(n);
        return `${color} ${textDecorationLine}`;
      });
  const good = await ink('.reading.good');
  for (const look of ['stale', 'bad', 'uncertain']) assert.notEqual(await ink(`.reading.${look}`), good, look);
  bench.server.setAsset('north-pump-5', { marks: { temperature: null } });
  await until('good again', async () => (await page.locator('.metric-row .reading.stale').count()) === 0);
  await page.context().close();
});

test('check 10: a figure of a site that lacks an asset says how many of how many it has, on the overview and on its page', async () => {
  const mark = {
    quality: 'UNCERTAIN',
    reason: 'partial_input',
    sinceMs: Date.now(),
    inputs: { used: 3, of: 4 },
  } as const;
  const page = await bench.wall('/');
  const overview = page.locator('.site-panel', { hasText: 'Nordkap' }).locator('.figure', { hasText: 'Flow' });
  await overview.locator('.reading.good').waitFor();
  bench.server.setSite('north', { marks: { flow: mark } });
  await overview.locator('.reading.uncertain').waitFor();
  assert.match((await overview.textContent()) ?? '', /\?\s*1,?241\s*m³\/h\s*3 of 4/);
  await page.goto(`${bench.server.url}/site/north`);
  const own = page.locator('.page-header .figure', { hasText: 'Flow' });
  await own.locator('.reading.uncertain').waitFor();
  assert.match((await own.textContent()) ?? '', /3 of 4/);
  bench.server.setAsset('north-pump-1', { marks: { flow: mark } });
  const tile = page.locator('.tile[href="/asset/north-pump-1"]');
  await page.goto(`${bench.server.url}/`);
  await tile.locator('.reading.uncertain').waitFor();
  assert.ok(await tile.locator('.mark-inputs').isVisible());
  bench.server.setAsset('north-pump-1', { marks: { flow: null } });
  await page.context().close();
});

test('the health of an asset is told in the words of its own thresholds', async () => {
  const page = await bench.wall('/asset/north-pump-4');
  await page.waitForSelector('.page-header .health');
  bench.server.setAsset('north-pump-4', { props: { health: 55, healthLevel: 'warning' } });
  const health = page.locator('.page-header .health').first();
  await until('the level', async () => /55\s*warning/.test((await health.textContent()) ?? ''));
  assert.equal(await health.getAttribute('title'), 'Health 55 of 100, warning');
  await page.goto(`${bench.server.url}/site/north`);
  const row = page.locator('.asset-row:has(a[href="/asset/north-pump-4"]) .health');
  await row.waitFor();
  assert.equal(await row.getAttribute('aria-valuetext'), '55 of 100, warning');
  await page.context().close();
});

test('check 10: whoever writes to a point sees in the dialog that its value is bad', async () => {
  const page = await bench.wall('/device/north-pump-3-plc');
  const sinceMs = Date.now();
  bench.server.setDevice('north-pump-3-plc', {
    values: { setpoint: null },
    marks: { setpoint: { quality: 'BAD', reason: 'sensor_fault', sinceMs, lastGood: { value: 118, timeMs: sinceMs } } },
  });
  await page.click('button >> text=Write …');
  await page.waitForSelector('dialog .reading');
  assert.match((await page.locator('dialog .reading').textContent()) ?? '', /BAD\s*\(118\.0\)/);
  await page.context().close();
});

test('check 10: a rule with a stale input says that it cannot be evaluated, and its alarm stays', async () => {
  const page = await bench.wall('/alarms');
  bench.server.raise({
    asset: 'north-pump-5',
    rule: 'temp-high',
    severity: 'HIGH',
    detail: 'ACTIVE_ACK',
    raisedAtMs: Date.now(),
    name: 'Bearing hot',
    message: 'm',
    overlay: 'cannot-evaluate',
  });
  await page.waitForSelector('.alarm-row .cannot-tag');
  assert.match((await page.locator('.alarm-row .cell-state').last().textContent()) ?? '', /Cannot evaluate\s*Ack\./);
  assert.match((await page.locator('.counters').textContent()) ?? '', /Cannot evaluate\s*1/);
  assert.equal(
    await page.locator('.alarm-row .cannot-tag').evaluate((tag) => {
      const row = tag.closest('.cell-state')?.getBoundingClientRect();
      const { top, bottom } = tag.getBoundingClientRect();
      return row !== undefined && top >= row.top - 0.5 && bottom <= row.bottom + 0.5;
    }),
    true,
    'its frame is whole',
  );
  bench.server.raise({
    asset: 'north-pump-6',
    rule: 'temp-high',
    severity: 'HIGH',
    detail: 'NORMAL',
    raisedAtMs: Date.now(),
    name: 'Bearing hot',
    message: '',
    overlay: 'cannot-evaluate',
  });
  await page.click('[role="tab"]:has-text("Cannot evaluate")');
  const never = page.locator('.alarm-row[data-id="asset/north-pump-6:temp-high"] .message-text');
  await never.waitFor();
  assert.match(await never.innerText(), /^No new reading within twice its interval$/);
  await page.context().close();
});

test('what the journal has not taken yet is marked as such', async () => {
  const page = await bench.wall('/');
  bench.server.notRecorded = true;
  await page.waitForSelector('.flag >> text=NOT RECORDED YET');
  bench.server.notRecorded = false;
  await page.waitForSelector('.flag >> text=NOT RECORDED YET', { state: 'detached' });
  assert.match((await page.locator('.flag.simulated').textContent()) ?? '', /SIMULATED/);
  await page.context().close();
});

test('check 11: soon after the last heartbeat the banner stands, the clock has stopped and values are marked', async (t) => {
  t.after(() => {
    bench.server.silent = false;
  });
  const page = await bench.wall('/asset/north-pump-6');
  await page.waitForSelector('.metric-row .reading.good');
  bench.server.silent = true;
  // 2.5 s after the last heartbeat by the wall's own clock; a busy machine is given as much again.
  await until('the banner', async () => (await page.locator('.link-banner').count()) === 1);
  const clock = page.locator('.top-bar .clock-time');
  await until('a stopped clock', async () => (await page.locator('.top-bar .clock.stopped').count()) === 1);
  const stopped = await clock.textContent();
  const before = () =>
    page.evaluate(
      () => getComputedStyle(document.querySelector('.metric-row .reading.good') ?? document.body, '::before').content,
    );
  await until('marked values', async () => /◷/.test(await before()));
  const box = await page.locator('.link-banner').boundingBox();
  assert.equal(box?.width, 1920, 'across the whole wall');
  await until('over a second passed', () =>
    page.evaluate(() => (performance.now() > 0 ? new Promise<boolean>((r) => setTimeout(() => r(true), 1200)) : false)),
  );
  assert.equal(await clock.textContent(), stopped);
  await page.keyboard.press('w');
  await page.fill('dialog input[type=text]', 'x');
  await page.click('dialog button.primary');
  await page.waitForSelector('.note.failed');
  assert.equal(bench.server.commands.length, 0, 'no command leaves without a link');
  bench.server.silent = false;
  await until('live again', async () => (await page.locator('.link-banner').count()) === 0, 10_000);
  await page.context().close();
});

test('check 11: after a reconnect the alarm list and the list of transitions equal the journal exactly', async () => {
  const { server } = bench;
  const [events, list] = await Promise.all([bench.wall('/events'), bench.wall('/alarms')]);
  const raise = (i: number) =>
    server.raise({
      asset: `coast-pump-${i}`,
      rule: 'r',
      severity: 'MEDIUM',
      detail: 'ACTIVE_UNACK',
      raisedAtMs: Date.now(),
      name: `n${i}`,
      message: 'm',
    });
  const from = server.journal.length;
  for (let i = 1; i <= 3; i++) raise(i);
  await until('three events', async () => (await events.locator('[data-event]').count()) === 3);
  server.down = true;
  await events.waitForSelector('.link-banner');
  for (let i = 4; i <= 8; i++) raise(i);
  const gone = server.scene.alarms.get('asset/coast-pump-4:r');
  if (gone !== undefined) server.put({ ...gone, detail: 'NORMAL', state: 'CLEARED' }, 'AlarmCleared');
  server.down = false;
  await until('all walls back', () => server.clients === 2, 15_000);
  raise(9);
  const journal = server.journal.slice(from).map((event) => `${event.entity} ${event.seq}`);
  const shown = () =>
    events.locator('[data-event]').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-event') ?? ''));
  await until('every transition', async () => (await shown()).length === journal.length);
  assert.deepEqual((await shown()).sort(), [...journal].sort());
  const active = [...server.scene.alarms.keys()].sort();
  const ids = () =>
    list.locator('.alarm-row[data-id]').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-id') ?? ''));
  await until('the same alarms', async () => (await ids()).length === active.length);
  assert.deepEqual((await ids()).sort(), active);
  await Promise.all([events.context().close(), list.context().close()]);
});

test('without a session the page explains where a token comes from and takes one', async () => {
  const context = await bench.browser.newContext();
  const page = await context.newPage();
  await page.goto(bench.server.url);
  await page.waitForSelector('.login');
  assert.match((await page.locator('.login').textContent()) ?? '', /signalbox token create/);
  await page.fill('.login input', 'wrong');
  await page.click('.login button');
  await page.waitForSelector('.login .problem');
  await page.fill('.login input', new URL(bench.server.link).hash.slice('#key='.length));
  await page.click('.login button');
  await page.waitForSelector('.link-state.live');
  assert.equal(new URL(page.url()).hash, '');
  await context.close();
});

test('no page of these complained', () => assert.deepEqual(bench.complaints, []));

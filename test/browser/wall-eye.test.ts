import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import type { AlarmPlan } from '../support/wall-alarms.ts';
import { follow, until, WallBench } from '../support/wall-page.ts';
import { colourfulPixels, contrastInGrey, differenceInGrey, mostColourful } from '../support/wall-pixels.ts';

/** Requirements part 5, checks 1, 4, 6 and 10 by the pixels of the screen: what an eye can tell, with colour and without. */
let bench: WallBench;
before(async () => {
  bench = await WallBench.open(500);
});
after(() => bench.close());
afterEach(() => bench.server.clearAlarms());

/** Muted blues of trends and focus stay below; each of the four alarm colours is far above. */
const COLOURFUL = 120;
/** Of the ink of two signs so much at least differs, or they are taken for each other. */
const TOLD_APART = 0.1;
/** WCAG 2.1, 1.4.11: of a sign that has to be recognized against its ground. */
const LEAST_CONTRAST = 3;

test('check 1: a healthy wall of 500 assets has not one pixel of an alarm colour on any page, dark or light', async () => {
  for (const colorScheme of ['dark', 'light'] as const) {
    const page = await bench.wall('/', { colorScheme });
    await page.waitForSelector('.abnormal.calm');
    for (const path of [
      '/',
      '/site/north',
      '/asset/north-pump-3?value=flow',
      '/device/north-pump-3-plc',
      '/alarms',
      '/devices',
      '/workorders',
      '/events',
    ]) {
      await follow(page, path);
      assert.equal(colourfulPixels(await page.screenshot(), COLOURFUL), 0, `${path}, ${colorScheme}`);
    }
    await page.context().close();
  }
});

test('check 6: of 500 assets a new viewer is led to the one that is abnormal: name, priority and time within 5 s, and no colour elsewhere', async () => {
  bench.server.raise({ ...PLAN, asset: 'ridge-pump-42', severity: 'HIGH', detail: 'ACTIVE_UNACK' });
  const startMs = performance.now();
  const page = await bench.wall('/');
  const item = page.locator('.abnormal-item');
  await item.waitFor();
  await until('every tile', async () => (await page.locator('.tile').count()) === 500);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs < 5000, `${tookMs} ms from the address to the picture`);
  assert.match(
    (await item.locator('.abnormal-text').allInnerTexts())[0] ?? '',
    /^Pump R042 Bearing hot\nBearing at 91\.4 °C\n\d\d:\d\d:\d\d .*Ridge wind farm$/,
  );
  const shown = await item.evaluate((element) => {
    const box = element.getBoundingClientRect();
    return {
      inSight: box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth,
      onTop: element.contains(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)),
      upperHalf: box.bottom < innerHeight / 2,
      cut: [...element.querySelectorAll('.abnormal-line')].some((line) => line.scrollWidth > line.clientWidth),
      letters: Number.parseFloat(getComputedStyle(element.querySelector('strong') ?? element).fontSize),
    };
  });
  assert.deepEqual({ ...shown, letters: 0 }, { inSight: true, onTop: true, upperHalf: true, cut: false, letters: 0 });
  assert.ok(shown.letters >= 16, `letters of ${shown.letters} px`);
  const symbols = await page
    .locator('.abnormal-item .symbol, .counters .symbol, .tile .symbol, .site-alarms .symbol')
    .all();
  const boxes = (await Promise.all(symbols.map((symbol) => symbol.boundingBox()))).flatMap((box) => box ?? []);
  const picture = await page.screenshot({ animations: 'disabled' });
  assert.ok(colourfulPixels(picture, COLOURFUL) > 0, 'there is colour');
  assert.equal(colourfulPixels(picture, COLOURFUL, boxes), 0, 'none outside of the four symbols of this alarm');
  assert.equal(await page.locator('.tile .symbol').count(), 1);
  await page.context().close();
});

test('check 1: in grey, priorities are told apart by shape and number, on dark and on light ground', async () => {
  for (const [i, severity] of (['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'] as const).entries()) {
    bench.server.raise({ ...PLAN, asset: `north-pump-${i + 1}`, severity, detail: 'ACTIVE_ACK' });
  }
  for (const colorScheme of ['dark', 'light'] as const) {
    const page = await inGrey('/alarms', colorScheme);
    await until('four rows', async () => (await page.locator('.alarm-row[data-id]').count()) === 4);
    const signs = await pictures(page.locator('.alarm-row[data-id] .symbol'));
    assertTold(signs, ['1', '2', '3', '4'], colorScheme);
    await page.context().close();
  }
});

test('check 4: in grey, every state of an alarm has a sign that is taken for no other', async () => {
  const states = [
    ['active', 'ACTIVE_UNACK', undefined],
    ['acknowledged', 'ACTIVE_ACK', undefined],
    ['returned', 'RTN_UNACK', undefined],
    ['latched, unacknowledged', 'LATCHED_UNACK', undefined],
    ['latched', 'LATCHED_ACK', undefined],
    ['cannot evaluate', 'ACTIVE_ACK', 'cannot-evaluate'],
    ['shelved', 'ACTIVE_ACK', 'shelved'],
    ['suppressed', 'ACTIVE_ACK', 'suppressed'],
    ['out of service', 'ACTIVE_ACK', 'out-of-service'],
  ] as const;
  for (const [i, [, detail, overlay]] of states.entries()) {
    const plan = { ...PLAN, asset: `coast-pump-${i + 1}`, severity: 'HIGH' as const, detail };
    bench.server.raise(overlay === undefined ? plan : { ...plan, overlay });
  }
  for (const colorScheme of ['dark', 'light'] as const) {
    const page = await inGrey('/', colorScheme);
    const signs: Buffer[] = [];
    for (const i of states.keys()) {
      await follow(page, `/asset/coast-pump-${i + 1}`);
      await page.waitForSelector('.alarm-detail .symbol');
      signs.push(...(await pictures(page.locator('.alarm-detail header .symbol'))));
    }
    await page.context().close();
    assertTold(
      signs,
      states.map(([name]) => name),
      colorScheme,
    );
  }
});

test('check 10: in grey, a value that is stale, bad, frozen, uncertain or missing is not taken for a good one, nor for each other', async () => {
  const sinceMs = Date.now() - 60_000;
  const marks = {
    good: null,
    stale: { quality: 'UNCERTAIN', reason: 'stale', sinceMs },
    bad: { quality: 'BAD', reason: 'sensor_fault', sinceMs, lastGood: { value: 52, timeMs: sinceMs } },
    frozen: { quality: 'SUSPECT', reason: 'frozen', sinceMs },
    uncertain: { quality: 'SUSPECT', reason: 'rate', sinceMs },
    missing: null,
  };
  for (const colorScheme of ['dark', 'light'] as const) {
    const page = await inGrey('/asset/valley-pump-5', colorScheme);
    const looks: Buffer[] = [];
    for (const [look, mark] of Object.entries(marks)) {
      bench.server.setAsset('valley-pump-5', {
        values: { temperature: look === 'missing' || look === 'bad' ? null : 52 },
        marks: { temperature: mark },
      });
      const reading = page.locator('.metric-row[data-value="temperature"] .reading');
      await page.waitForSelector(`.metric-row[data-value="temperature"] .reading.${look}`);
      looks.push(...(await pictures(reading)));
    }
    assertTold(looks, Object.keys(marks), colorScheme);
    await page.context().close();
  }
});

test('no page of these complained', () => assert.deepEqual(bench.complaints, []));

const PLAN: Omit<AlarmPlan, 'asset' | 'severity' | 'detail'> = {
  rule: 'temp-high',
  raisedAtMs: Date.now() - 5000,
  name: 'Bearing hot',
  message: 'Bearing at 91.4 °C',
};

async function inGrey(path: string, colorScheme: 'dark' | 'light'): Promise<Page> {
  const page = await bench.wall(path, { colorScheme });
  await turnGrey(page);
  return page;
}

function turnGrey(page: Page): Promise<void> {
  return page.evaluate(() => {
    document.documentElement.style.filter = 'grayscale(1)';
  });
}

/** With what blinks at its fullest, which is how it stands for most of the time. */
async function pictures(all: Locator): Promise<Buffer[]> {
  return Promise.all((await all.all()).map((one) => one.screenshot({ animations: 'disabled' })));
}

function assertTold(signs: readonly Buffer[], names: readonly string[], where: string): void {
  assert.equal(signs.length, names.length);
  for (const [i, sign] of signs.entries()) {
    assert.ok(mostColourful(sign) <= 2, `${names[i]}: the picture is grey`);
    const contrast = contrastInGrey(sign);
    assert.ok(contrast >= LEAST_CONTRAST, `${names[i]} has a contrast of ${contrast} on ${where} ground`);
    for (let j = i + 1; j < signs.length; j++) {
      const difference = differenceInGrey(sign, signs[j] ?? sign);
      assert.ok(difference >= TOLD_APART, `${names[i]} and ${names[j]} differ by ${difference} on ${where} ground`);
    }
  }
}

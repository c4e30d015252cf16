import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { alarmOf } from '../support/wall-alarms.ts';
import { until, WallBench } from '../support/wall-page.ts';
import { mostColourful } from '../support/wall-pixels.ts';

/** Requirements part 5, checks 1 to 4 and 15: what the wall looks like. */
let bench: WallBench;
before(async () => {
  bench = await WallBench.open(500);
});
after(() => bench.close());

/** The narrowest and the widest of the fonts that the wall may come to, whatever is installed where the browser is. */
const FONTS = ['"DejaVu Sans Condensed", "DejaVu Sans"', '"DejaVu Sans"'];
const writeIn = (page: Page, font: string) =>
  page.evaluate((family) => {
    document.documentElement.style.fontFamily = family;
  }, font);

test('check 1: the measure for colour finds one alarm among five hundred assets', async () => {
  const page = await bench.wall('/');
  await page.waitForSelector('.abnormal.calm');
  assert.ok(mostColourful(await page.screenshot()) < 120);
  bench.raiseEveryState();
  await page.waitForSelector('.abnormal-item');
  assert.ok(mostColourful(await page.screenshot()) >= 120);
  await page.context().close();
});

test('check 2: each priority is told by colour, by shape and by number', async () => {
  const page = await bench.wall('/alarms');
  await page.waitForSelector('.alarm-row[data-id]');
  const told = await page.evaluate(() =>
    [1, 2, 3, 4].map((priority) => {
      const symbol = document.querySelector(`.counters .priority-${priority}`);
      const path = symbol?.querySelector('.fill path');
      return {
        colour: path == null ? '' : getComputedStyle(path).fill,
        shape: path?.getAttribute('d') ?? '',
        number: symbol?.querySelector('.number')?.textContent ?? '',
      };
    }),
  );
  assert.deepEqual(
    told.map((each) => each.number),
    ['1', '2', '3', '4'],
  );
  assert.equal(new Set(told.map((each) => each.shape)).size, 4);
  assert.equal(new Set(told.map((each) => each.colour)).size, 4);
  await page.context().close();
});

test('check 3: only symbols of unacknowledged alarms blink, no text and no value, and all in one phase', async () => {
  const page = await bench.wall('/alarms');
  await page.waitForSelector('.alarm-row .blinks');
  const blinking = () =>
    page.evaluate(() => {
      const animations = document.getAnimations().filter((a): a is CSSAnimation => a instanceof CSSAnimation);
      return animations.map((animation) => {
        const effect = animation.effect;
        const target = effect instanceof KeyframeEffect ? effect.target : null;
        return {
          name: animation.animationName,
          inSymbol: target?.closest('.symbol .brackets, .symbol .fill') !== null,
          row: target?.closest('.alarm-row')?.getAttribute('data-id') ?? null,
          phase: Math.round(Number(animation.startTime) % 1000),
        };
      });
    });
  await until('one phase', async () => new Set((await blinking()).map((each) => each.phase)).size === 1);
  const all = await blinking();
  assert.ok(all.every((each) => each.name === 'blink' && each.inSymbol));
  const rows = all.flatMap((each) => each.row ?? []).sort();
  assert.deepEqual(rows, [
    'asset/coast-pump-5:trip',
    'asset/harbour-pump-7:temp-high',
    'asset/north-pump-3:temp-critical',
    'asset/ridge-pump-1:flow-low',
  ]);
  await page.context().close();
});

test('check 4: every state of an alarm has a look of its own', async () => {
  const looks: string[] = [];
  for (const list of ['', '?list=shelved', '?list=suppressed', '?list=out-of-service']) {
    const page = await bench.wall(`/alarms${list}`);
    await page.waitForSelector('.alarm-row[data-id]');
    looks.push(
      ...(await page.evaluate(() =>
        [...document.querySelectorAll('.alarm-row[data-id] .symbol')].map((symbol) =>
          [
            symbol.classList.contains('filled') ? 'filled' : 'hollow',
            symbol.classList.contains('priority-none') ? 'grey' : 'coloured',
            symbol.querySelector('.brackets') === null ? '' : 'brackets',
            symbol.querySelector('.badge .lock') === null
              ? (symbol.querySelector('.badge')?.textContent?.trim() ?? '')
              : 'lock',
          ].join(' '),
        ),
      )),
    );
    await page.context().close();
  }
  assert.deepEqual([...new Set(looks)].sort(), [
    'filled coloured  ',
    'filled coloured  ?',
    'filled coloured brackets ',
    'filled grey  D',
    'filled grey  O',
    'filled grey  S',
    'hollow coloured  lock',
    'hollow coloured brackets ',
    'hollow coloured brackets lock',
  ]);
});

test('check 15: the overview of 500 assets never scrolls, at 1080p and at 4K, with every tile and every count in sight', async () => {
  for (const [width, height] of [
    [1920, 1080],
    [3840, 2160],
  ] as const) {
    const page = await bench.wall('/', { width, height });
    await until('all tiles', async () => (await page.locator('.tile').count()) === 500);
    for (const font of FONTS) {
      await writeIn(page, font);
      assert.deepEqual(
        await page.evaluate(fitOfOverview),
        { scrolls: [], outside: 0 },
        `${width}x${height} in ${font}`,
      );
    }
    await page.context().close();
  }
});

/** What has more in it than it shows, and how many tiles stand outside of their panel. Runs in the page. */
function fitOfOverview(): { readonly scrolls: readonly string[]; readonly outside: number } {
  const panels = [...document.querySelectorAll('.site-panel')].map((panel) => panel.getBoundingClientRect());
  const parts = document.querySelectorAll(
    'html, .overview, .site-grid, .tiles, .site-panel, .site-header, .site-line, .site-alarms, .abnormal-tile .tile-text',
  );
  return {
    scrolls: [...parts].flatMap((part) =>
      part.scrollHeight > part.clientHeight + 1 || part.scrollWidth > part.clientWidth + 1
        ? [`${part.className}: ${part.textContent}`]
        : [],
    ),
    outside: [...document.querySelectorAll('.tile')].filter((tile) => {
      const box = tile.getBoundingClientRect();
      return (
        box.width < 8 ||
        !panels.some(
          (p) => box.top >= p.top && box.bottom <= p.bottom && p.bottom <= innerHeight && p.right <= innerWidth,
        )
      );
    }).length,
  };
}

test('check 15: four levels lead from the overview to the detail of one value', async () => {
  const page = await bench.wall('/');
  await page.click('.site-title a >> text=Nordkap pumping');
  await page.waitForURL('**/site/north');
  await page.click('.asset-table a >> text=Pump N003');
  await page.waitForURL('**/asset/north-pump-3');
  await page.click('.metric-row:nth-child(2) .metric-more');
  await page.waitForSelector('.metric-row .facts');
  await page.context().close();
});

test('at 1366 and at 1280 pixels the clock and every count stand whole, whatever else the bar has to say', async () => {
  bench.server.notRecorded = true;
  const page = await bench.wall('/alarms', { width: 1366, height: 768 });
  await page.waitForSelector('.flag >> text=NOT RECORDED YET');
  await until('every count', async () => (await page.locator('.counter').count()) === 8);
  for (const width of [1366, 1280]) {
    await page.setViewportSize({ width, height: 768 });
    for (const font of FONTS) {
      await writeIn(page, font);
      const cut = await page.evaluate(() =>
        [...document.querySelectorAll('.top-bar > .clock, .top-bar .counter, .top-bar nav a, .top-bar .flag')].flatMap(
          (part) => {
            const box = part.getBoundingClientRect();
            const whole = box.left >= 0 && box.right <= innerWidth && part.scrollWidth <= part.clientWidth + 1;
            return whole ? [] : [part.textContent ?? ''];
          },
        ),
      );
      assert.deepEqual(cut, [], `${width} pixels in ${font}`);
    }
  }
  bench.server.notRecorded = false;
  await page.context().close();
});

test('the alarms of a site are not cut, at 1920, at 1366 and at 1280 pixels', async () => {
  bench.server.raise({
    asset: 'north-pump-12',
    rule: 'connection',
    severity: 'HIGH',
    detail: 'RTN_UNACK',
    raisedAtMs: Date.now() - 90_000_000,
    name: 'Connection to the network RTU lost',
    message: 'No connection to the device, nor to any other on the same line, for 64 s',
  });
  const page = await bench.wall('/site/north');
  await until('its alarms', async () => (await page.locator('.alarm-row[data-id]').count()) === 3);
  for (const width of [1920, 1366, 1280]) {
    await page.setViewportSize({ width, height: 768 });
    for (const font of FONTS) {
      await writeIn(page, font);
      const cut = await page.evaluate(() =>
        [...document.querySelectorAll('.alarm-row[data-id], .alarm-row[data-id] span')].flatMap((part) => {
          const inLine = getComputedStyle(part).display === 'inline';
          const whole = part.scrollWidth <= part.clientWidth + 1 && part.scrollHeight <= part.clientHeight + 1;
          return inLine || whole ? [] : [part.textContent ?? ''];
        }),
      );
      assert.deepEqual(cut, [], `${width} pixels in ${font}`);
    }
  }
  await page.context().close();
});

test('the message of an alarm without a value has the room of the value as well', async () => {
  const { scene } = bench.server;
  const [asset] = [...scene.assets.keys()];
  assert.ok(asset !== undefined);
  const plan = { asset, severity: 'HIGH', detail: 'ACTIVE_UNACK', raisedAtMs: Date.now() - 20_000 } as const;
  const words = { name: 'Connection to the network RTU lost', message: 'No connection to the device' };
  const lost = alarmOf(scene, { ...plan, ...words, rule: 'lost' }, Date.now());
  bench.server.put({ ...lost, value: null });
  bench.server.put({ ...lost, id: `asset/${asset}:far`, rule: 'far' });
  const page = await bench.wall('/alarms');
  const message = (rule: string) => page.locator(`.alarm-row[data-id="asset/${asset}:${rule}"] .cell-message`);
  await message('lost').waitFor();
  await writeIn(page, FONTS[0] ?? '');
  const whole = (part: Element) => part.scrollWidth <= part.clientWidth;
  assert.equal(await message('lost').evaluate(whole), true);
  assert.equal(await message('far').evaluate(whole), false, 'it would be cut without that room');
  const ends = await Promise.all(['lost', 'far'].map(async (rule) => (await message(rule).boundingBox())?.width ?? 0));
  assert.ok((ends[0] ?? 0) > (ends[1] ?? 0) + 50);
  await page.context().close();
});

test('a value in words keeps to its column, and is not said twice', async () => {
  const { scene } = bench.server;
  const [first] = [...scene.assets.keys()];
  assert.ok(first !== undefined);
  const base = {
    ...alarmOf(
      scene,
      {
        asset: first,
        rule: 'words',
        severity: 'HIGH',
        detail: 'ACTIVE_UNACK',
        raisedAtMs: Date.now(),
        name: 'Mode',
        message: 'Left its mode',
      },
      Date.now(),
    ),
    unit: '',
  };
  const reason = 'no device is connected to the broker of this plant';
  bench.server.put({ ...base, value: reason });
  bench.server.put({ ...base, id: `${base.id}2`, rule: 'words2', value: reason, message: `Lost: ${reason}` });
  const page = await bench.wall('/alarms');
  await until('its alarms', async () => (await page.locator('.alarm-row[data-id*=":words"]').count()) === 2);
  const values = await page.evaluate(() =>
    [...document.querySelectorAll('.alarm-row[data-id*=":words"]')].map((row) => {
      const [value, message] = [row.querySelector('.cell-value'), row.querySelector('.cell-message')];
      if (value === null || message === null) throw new Error('no such cell');
      const apart = value.getBoundingClientRect().left >= message.getBoundingClientRect().right;
      return { text: value.textContent?.trim(), apart };
    }),
  );
  assert.deepEqual(values.map(({ text }) => text).sort(), ['', reason]);
  assert.ok(values.every(({ apart }) => apart));
  await page.context().close();
});

test('check 17: a refresh gives the same view from the address', async () => {
  const page = await bench.wall('/alarms?priority=2&site=coast');
  await page.waitForSelector('.alarm-row[data-id]');
  const rows = () =>
    page.locator('.alarm-row[data-id]').evaluateAll((all) => all.map((row) => row.getAttribute('data-id')));
  const first = await rows();
  assert.deepEqual(first, ['asset/coast-pump-4:trip']);
  await page.click('.alarm-row[data-id]');
  await page.reload();
  await page.waitForSelector('.alarm-row.focused');
  assert.deepEqual(await rows(), first);
  await page.context().close();
});

test('the page asks nobody but its server, and its content security policy finds nothing to refuse', () => {
  assert.deepEqual(bench.foreign, []);
  assert.deepEqual(bench.complaints, []);
});

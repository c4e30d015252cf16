import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { Frame, PointValue, Quality } from '../../actors/frame.ts';
import type { Historian, Sample, WindowRow } from '../../runtime/historian.ts';
import { type EntityId, entityId } from '../../runtime/ids.ts';
import type { TelemetryLog } from '../../runtime/log.ts';

export interface OpenHistorian {
  readonly historian: Historian;
  readonly log: TelemetryLog;
  /** Closes the historian in good order and opens it again. */
  reopen(): Promise<Historian>;
  /** Opens the historian again as a crash would have left it, without what it had in memory alone. */
  crash(): Promise<Historian>;
}

const device = entityId('device', 'plc-1');
const DAY_MS = 86_400_000;
/** Two minutes before midnight. */
const START_MS = Date.UTC(2026, 2, 1, 23, 58);
const EVER = { fromMs: 0, toMs: 4e12, limit: 100_000 };

function frame(timeMs: number, values: Record<string, PointValue>, given: Partial<Frame> = {}): Frame {
  return {
    deviceTimeMs: timeMs,
    gatewayTimeMs: timeMs + 20,
    points: Object.keys(values),
    values: Object.values(values),
    quality: null,
    reasons: null,
    times: null,
    ...given,
  };
}

/** What every historian has to do. @param options `skip`: why it cannot be asked here */
export function historianContract(
  name: string,
  open: (t: TestContext) => Promise<OpenHistorian>,
  options: { readonly skip?: string | false } = {},
): void {
  const contract = (what: string, run: (opened: OpenHistorian, add: Add) => Promise<void>) =>
    test(`${name}: ${what}`, options, async (t) => {
      const opened = await open(t);
      await run(opened, async (frames, source = device) => {
        await opened.log.append(frames.map((observation) => ({ source, observation })));
        await opened.historian.caughtUp(await opened.log.end());
      });
    });
  type Add = (frames: readonly Frame[], source?: EntityId) => Promise<void>;

  contract('a reading can be asked for once it is read, in memory and on disk alike', async (opened, add) => {
    await add([
      frame(START_MS, { t: 20.5, on: true, mode: 'auto' }),
      frame(START_MS + 1000, { t: null, on: false, mode: 'hand' }, { quality: ['BAD', 'GOOD', 'SUSPECT'] }),
    ]);
    const check = async (historian: Historian) => {
      const raw = (series: string) => historian.raw({ ...EVER, entity: device, series });
      assert.deepEqual(await raw('t'), [
        { timeMs: START_MS, value: 20.5, quality: 'GOOD' },
        { timeMs: START_MS + 1000, value: null, quality: 'BAD' },
      ]);
      assert.deepEqual(await raw('on'), [
        { timeMs: START_MS, value: true, quality: 'GOOD' },
        { timeMs: START_MS + 1000, value: false, quality: 'GOOD' },
      ]);
      assert.deepEqual(await raw('mode'), [
        { timeMs: START_MS, value: 'auto', quality: 'GOOD' },
        { timeMs: START_MS + 1000, value: 'hand', quality: 'SUSPECT' },
      ]);
      assert.deepEqual(await raw('nothing'), []);
    };
    await check(opened.historian);
    const reopened = await opened.reopen();
    assert.equal(await reopened.position(), await opened.log.end());
    await check(reopened);
  });

  contract('the device says when; where it does not, the gateway does', async (opened, add) => {
    await add([
      frame(START_MS, { a: 1 }, { deviceTimeMs: null }),
      frame(START_MS, { a: 2, b: 2 }, { times: [START_MS + 5, null] }),
    ]);
    const raw = (series: string) => opened.historian.raw({ ...EVER, entity: device, series });
    assert.deepEqual(
      (await raw('a')).map(({ timeMs, value }) => [timeMs - START_MS, value]),
      [
        [5, 2],
        [20, 1],
      ],
    );
    assert.deepEqual(
      (await raw('b')).map(({ timeMs, value }) => [timeMs - START_MS, value]),
      [[0, 2]],
    );
  });

  contract('a reading delivered again is there once, and a correction counts', async (opened, add) => {
    await add([frame(START_MS, { a: 1 }), frame(START_MS + 1000, { a: 2 }), frame(START_MS, { a: 1 })]);
    let historian = await opened.reopen();
    const first = await opened.log.append([{ source: device, observation: frame(START_MS + 1000, { a: 3 }) }]);
    await historian.caughtUp(first);
    for (let round = 0; round < 2; round++) {
      const samples = await historian.raw({ ...EVER, entity: device, series: 'a' });
      assert.deepEqual(
        samples.map(({ timeMs, value }) => [timeMs - START_MS, value]),
        [
          [0, 1],
          [1000, 3],
        ],
      );
      historian = await opened.reopen();
    }
  });

  contract('a series goes on over midnight', async (opened, add) => {
    await add(Array.from({ length: 240 }, (_, second) => frame(START_MS + second * 1000, { a: second })));
    for (let round = 0; round < 2; round++) {
      const historian = round === 0 ? opened.historian : await opened.reopen();
      const question = {
        entity: device,
        series: 'a',
        fromMs: START_MS + 60_000,
        toMs: START_MS + 180_000,
        limit: 1000,
      };
      const values = (await historian.raw(question)).map((sample) => sample.value);
      assert.deepEqual(
        values,
        Array.from({ length: 120 }, (_, index) => 60 + index),
      );
      const newest = await historian.raw({ ...question, limit: 70, newestFirst: true });
      assert.deepEqual(
        newest.map((sample) => sample.value),
        Array.from({ length: 70 }, (_, index) => 179 - index),
      );
    }
  });

  contract('what comes late goes where it belongs', async (opened, add) => {
    await add(Array.from({ length: 10 }, (_, index) => frame(START_MS + index * 1000, { a: index })));
    let historian = await opened.reopen();
    const late = [START_MS + 4500, START_MS - 3 * DAY_MS, START_MS + 500];
    const observations = late.map((timeMs) => ({ source: device, observation: frame(timeMs, { a: -1 }) }));
    await opened.log.append(observations);
    await historian.caughtUp(await opened.log.end());
    for (let round = 0; round < 2; round++) {
      const samples = await historian.raw({ ...EVER, entity: device, series: 'a' });
      const times = [...late, ...Array.from({ length: 10 }, (_, index) => START_MS + index * 1000)];
      assert.deepEqual(
        samples.map((sample) => sample.timeMs),
        times.sort((a, b) => a - b),
      );
      historian = await opened.reopen();
    }
  });

  contract('after a crash every sample is there once', async (opened, add) => {
    let expected = 0;
    for (let round = 0; round < 4; round++) {
      const frames = Array.from({ length: 50 }, (_, index) => {
        // Both sides of midnight at once, so that the days' files are not written at the same positions.
        const timeMs = START_MS + (index % 2) * DAY_MS + (round * 50 + index) * 10;
        return frame(timeMs, { a: round * 50 + index, b: index });
      });
      if (round === 0) await add(frames);
      else await opened.log.append(frames.map((observation) => ({ source: device, observation })));
      expected += 50;
      const historian = round % 2 === 0 ? await opened.crash() : await opened.reopen();
      await historian.caughtUp(await opened.log.end());
      const samples = await historian.raw({ ...EVER, entity: device, series: 'a' });
      assert.equal(samples.length, expected);
      assert.equal(new Set(samples.map((sample) => sample.value)).size, expected);
    }
  });

  contract('a device with many points has each of them', async (opened, add) => {
    const names = Array.from({ length: 50 }, (_, index) => `p${index}`);
    await add(
      Array.from({ length: 5 }, (_, scan) =>
        frame(START_MS + scan, Object.fromEntries(names.map((point, index) => [point, scan * 100 + index]))),
      ),
    );
    for (let round = 0; round < 2; round++) {
      const historian = round === 0 ? opened.historian : await opened.reopen();
      for (const [index, series] of names.entries()) {
        const samples = await historian.raw({ ...EVER, entity: device, series });
        assert.deepEqual(
          samples.map((sample) => sample.value),
          [index, 100 + index, 200 + index, 300 + index, 400 + index],
        );
      }
    }
  });

  contract('a device that reports whatever changed is kept point by point', async (opened, add) => {
    const names = Array.from({ length: 40 }, (_, index) => `p${index}`);
    const expected = new Map<string, number[]>();
    const frames = Array.from({ length: 200 }, (_, round) => {
      const changed = names.filter((_, index) => (round * 7 + index * 3) % 5 === 0 && (round + index) % 3 !== 1);
      for (const point of changed) expected.set(point, [...(expected.get(point) ?? []), round]);
      return frame(START_MS + round, Object.fromEntries(changed.map((point) => [point, round])));
    });
    await add(frames);
    for (let round = 0; round < 2; round++) {
      const historian = round === 0 ? opened.historian : await opened.reopen();
      for (const point of names) {
        const samples = await historian.raw({ ...EVER, entity: device, series: point });
        assert.deepEqual(
          samples.map((sample) => sample.value),
          expected.get(point) ?? [],
        );
      }
    }
  });

  contract('windows agree with a count by hand, whatever the samples', async (opened, add) => {
    const qualities: Quality[] = ['GOOD', 'SUSPECT', 'UNCERTAIN', 'BAD'];
    const sample = fc.record({
      offsetMs: fc.integer({ min: 0, max: 300_000 }),
      value: fc.oneof(
        fc.integer({ min: -100_000, max: 100_000 }).map((value) => value / 100 + 0),
        // A zero has no sign where databases keep it.
        fc.double({ noNaN: true, min: -1e9, max: 1e9 }).map((value) => value + 0),
        fc.constantFrom<PointValue>(null, true, 'text'),
      ),
      quality: fc.constantFrom(...qualities),
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(sample, { minLength: 1, maxLength: 60 }),
        fc.constantFrom(1000, 7000, 60_000, 3_600_000),
        async (samples, windowMs) => {
          round += 1;
          const series = `s${round}`;
          await add(
            samples.map(({ offsetMs, value, quality }) =>
              frame(START_MS + offsetMs, { [series]: value }, { quality: [quality] }),
            ),
          );
          const question = { entity: device, series, fromMs: START_MS, toMs: START_MS + 250_000, limit: 10_000 };
          const expected = new Map<number, Sample>();
          for (const { offsetMs, value, quality } of samples)
            if (offsetMs < 250_000) expected.set(START_MS + offsetMs, { timeMs: START_MS + offsetMs, value, quality });
          const ordered = [...expected.values()].sort((a, b) => a.timeMs - b.timeMs);
          assert.deepEqual(await opened.historian.raw(question), ordered);
          compareWindows(await opened.historian.windows({ ...question, windowMs }), ordered, windowMs);
        },
      ),
      { numRuns: 60 },
    );
  });

  contract('a limit holds, and one that is out of range is refused', async (opened, add) => {
    await add(Array.from({ length: 20 }, (_, index) => frame(START_MS + index * 1000, { a: index })));
    const question = { ...EVER, entity: device, series: 'a' };
    assert.equal((await opened.historian.raw({ ...question, limit: 3 })).length, 3);
    assert.equal((await opened.historian.windows({ ...question, limit: 4, windowMs: 1000 })).length, 4);
    for (const limit of [0, -1, 1.5, Number.POSITIVE_INFINITY])
      await assert.rejects(opened.historian.raw({ ...question, limit }), { code: 'INVALID_QUERY' });
    await assert.rejects(opened.historian.windows({ ...question, windowMs: 0 }), { code: 'INVALID_QUERY' });
  });

  contract('trim deletes whole days that are over', async (opened, add) => {
    await add([frame(START_MS - 2 * DAY_MS, { a: 1 }), frame(START_MS, { a: 2 }), frame(START_MS + DAY_MS, { a: 3 })]);
    const historian = await opened.reopen();
    await historian.trim(START_MS);
    const question = { ...EVER, entity: device, series: 'a' };
    assert.deepEqual(
      (await historian.raw(question)).map((sample) => sample.value),
      [2, 3],
    );
    assert.equal((await historian.statistics()).oldestMs, START_MS);
  });

  contract('assets are kept beside devices, and what is not a frame is counted', async (opened, add) => {
    const asset = entityId('asset', 'pump-1');
    await add([frame(START_MS, { a: 1 })]);
    await add([frame(START_MS, { a: 2 })], asset);
    const end = await opened.log.append([{ source: device, observation: { some: 'thing' } }]);
    await opened.historian.caughtUp(end);
    assert.deepEqual(await opened.historian.raw({ ...EVER, entity: asset, series: 'a' }), [
      { timeMs: START_MS, value: 2, quality: 'GOOD' },
    ]);
    assert.equal((await opened.historian.statistics()).ignored, 1);
  });
}

/** By definition and not by the way it is computed: each window from all of its samples. */
function compareWindows(rows: readonly WindowRow[], samples: readonly Sample[], windowMs: number): void {
  const groups = groupBy(samples, windowMs);
  let at = 0;
  for (const [slot, group] of groups) {
    const numbers = group
      .filter((sample) => sample.quality !== 'BAD')
      .map((sample) => sample.value)
      .filter((value) => typeof value === 'number');
    if (numbers.length === 0) continue;
    const row = rows[at++];
    assert.ok(row);
    const sorted = [...numbers].sort((a, b) => a - b);
    const sum = numbers.reduce((total, value) => total + value, 0);
    const avg = sum / numbers.length;
    const squares = numbers.reduce((total, value) => total + (value - avg) ** 2, 0);
    const within = (fraction: number) => {
      const place = fraction * (sorted.length - 1);
      const [low = 0, high = low] = sorted.slice(Math.floor(place));
      return low + (high - low) * (place % 1);
    };
    const count = (quality: string) => group.filter((sample) => sample.quality === quality).length;
    assert.equal(row.startMs, slot * windowMs);
    assert.equal(row.endMs, (slot + 1) * windowMs);
    assert.equal(row.count, numbers.length);
    assert.equal(row.min, sorted[0]);
    assert.equal(row.max, sorted.at(-1));
    assert.equal(row.first, numbers[0]);
    assert.equal(row.last, numbers.at(-1));
    near(row.sum, sum);
    near(row.avg, avg);
    near(row.stddev, numbers.length > 1 ? Math.sqrt(squares / (numbers.length - 1)) : 0);
    near(row.p50, within(0.5));
    near(row.p95, within(0.95));
    near(row.p99, within(0.99));
    assert.deepEqual(row.quality, {
      good: count('GOOD'),
      suspect: count('SUSPECT'),
      uncertain: count('UNCERTAIN'),
      bad: count('BAD'),
      pctGood: (100 * count('GOOD')) / group.length,
    });
  }
  assert.equal(rows.length, at);
}

function groupBy(samples: readonly Sample[], windowMs: number): Map<number, Sample[]> {
  const groups = new Map<number, Sample[]>();
  for (const sample of samples) {
    const slot = Math.floor(sample.timeMs / windowMs);
    groups.set(slot, [...(groups.get(slot) ?? []), sample]);
  }
  return groups;
}

function near(actual: number, expected: number): void {
  const tolerance = 1e-9 * Math.max(1, Math.abs(expected));
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

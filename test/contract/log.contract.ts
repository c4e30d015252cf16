import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { entityId } from '../../runtime/ids.ts';
import type { LogRecord, PositionedRecord, TelemetryLog } from '../../runtime/log.ts';

export interface OpenLog {
  readonly log: TelemetryLog;
  reopen(): Promise<TelemetryLog>;
}

const device = entityId('device', 'plc-1');

export function records(from: number, count: number): LogRecord[] {
  return Array.from({ length: count }, (_, index) => ({ source: device, observation: { n: from + index } }));
}

export async function readAll(log: TelemetryLog, after: number, limit: number): Promise<PositionedRecord[]> {
  const all: PositionedRecord[] = [];
  for (;;) {
    const part = await log.read(all.at(-1)?.position ?? after, limit);
    if (part.length === 0) return all;
    all.push(...part);
  }
}

const numbersOf = (read: readonly PositionedRecord[]) =>
  read.map(({ observation }) => Reflect.get(Object(observation), 'n'));

const numbers = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);

function assertRising(read: readonly PositionedRecord[]): void {
  read.forEach((record, index) => {
    assert.ok(record.position > (read[index - 1]?.position ?? 0), `position ${record.position} at ${index}`);
  });
}

/** What every telemetry log has to do. Its positions rise, with gaps or without. */
export function logContract(name: string, open: (t: TestContext) => Promise<OpenLog>): void {
  const contract = (what: string, run: (opened: OpenLog) => Promise<void>) =>
    test(`${name}: ${what}`, async (t) => run(await open(t)));

  contract('a log that was never written ends at 0', async ({ log }) => {
    assert.equal(await log.end(), 0);
    assert.deepEqual(await log.read(0, 10), []);
  });

  contract('records have rising positions and come back as they were', async ({ log }) => {
    const observation = {
      deviceTimeMs: null,
      gatewayTimeMs: 1_700_000_000_123.5,
      points: ['a', 'b', 'c', 'd'],
      values: [1.25, 'text', true, null],
      quality: ['GOOD', 'BAD', 'GOOD', 'GOOD'],
      times: [null, 1, 2, 3],
    };
    const first = await log.append([{ source: device, observation }, ...records(2, 2)]);
    const fourth = await log.append(records(4, 1));
    const read = await log.read(0, 100);
    assertRising(read);
    assert.deepEqual(
      read.map(({ source, observation }) => ({ source, observation })),
      [{ source: device, observation }, ...records(2, 3)],
    );
    assert.deepEqual([read[0]?.position, read[3]?.position], [first, fourth]);
    assert.equal(await log.end(), fourth);
    assert.ok((await log.begin()) <= first);
  });

  contract('a reader can go on from any position, in pieces of any size', async ({ log }) => {
    for (let from = 1; from <= 100; from += 7) await log.append(records(from, Math.min(7, 101 - from)));
    const all = await readAll(log, 0, 1000);
    assertRising(all);
    assert.deepEqual(numbersOf(all), numbers(1, 100));
    for (const count of [0, 1, 6, 7, 50, 99, 100]) {
      const after = all[count - 1]?.position ?? 0;
      for (const limit of [1, 10, 1000]) assert.deepEqual(await readAll(log, after, limit), all.slice(count));
    }
    assert.deepEqual(await log.read((await log.end()) + 1_000_000, 10), [], 'behind the end is nothing');
  });

  contract('appends at the same time each get their own positions, in the order of the calls', async ({ log }) => {
    const sizes = Array.from({ length: 200 }, (_, index) => 1 + (index % 5));
    let next = 1;
    const firsts = sizes.map((size) => {
      const first = next;
      next += size;
      return first;
    });
    const got = await Promise.all(sizes.map((size, index) => log.append(records(firsts[index] ?? 0, size))));
    const all = await readAll(log, 0, 64);
    assertRising(all);
    assert.deepEqual(numbersOf(all), numbers(1, next - 1));
    assert.deepEqual(
      got,
      firsts.map((first) => all[first - 1]?.position),
    );
  });

  contract('a large append is there as a whole, in its order', async ({ log }) => {
    const first = await log.append(records(1, 5000));
    const all = await readAll(log, 0, 500);
    assert.deepEqual(numbersOf(all), numbers(1, 5000));
    assert.deepEqual([all[0]?.position, all.at(-1)?.position], [first, await log.end()]);
  });

  contract('after opening again it goes on where it was', async (opened) => {
    await opened.log.append(records(1, 10));
    const end = await opened.log.end();
    const log = await opened.reopen();
    assert.equal(await log.end(), end);
    assert.ok((await log.append(records(11, 1))) > end);
    assert.deepEqual(numbersOf(await readAll(log, 0, 100)), numbers(1, 11));
  });

  contract('trim drops what every consumer is past, and positions go on', async (opened) => {
    for (let from = 1; from <= 100; from += 10) await opened.log.append(records(from, 10));
    const all = await readAll(opened.log, 0, 1000);
    const past = all[34]?.position ?? 0;
    const began = await opened.log.begin();
    await opened.log.trim({ beforePosition: past, olderThanMs: Date.now() - 60_000 });
    assert.equal(await opened.log.begin(), began, 'nothing is old enough');
    await opened.log.trim({ beforePosition: past, olderThanMs: Date.now() + 1000 });
    const begin = await opened.log.begin();
    assert.ok(begin > began && begin <= past, `begin is ${begin}`);
    const kept = await readAll(opened.log, 0, 1000);
    assert.ok(kept.length < 100 && kept.length >= 66, `${kept.length} are kept`);
    assert.deepEqual(kept, all.slice(-kept.length));
    const end = await opened.log.end();
    await opened.log.trim({ beforePosition: end + 1_000_000, olderThanMs: Date.now() + 1000 });
    const log = await opened.reopen();
    assert.equal(await log.end(), end);
    assert.ok((await log.append(records(101, 1))) > end);
  });
}

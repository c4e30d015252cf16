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

async function readAll(log: TelemetryLog, after: number, limit: number): Promise<PositionedRecord[]> {
  const all: PositionedRecord[] = [];
  for (;;) {
    const part = await log.read(all.at(-1)?.position ?? after, limit);
    if (part.length === 0) return all;
    all.push(...part);
  }
}

/** What every telemetry log has to do. */
export function logContract(name: string, open: (t: TestContext) => Promise<OpenLog>): void {
  const contract = (what: string, run: (opened: OpenLog) => Promise<void>) =>
    test(`${name}: ${what}`, async (t) => run(await open(t)));

  contract('a log that was never written ends at 0', async ({ log }) => {
    assert.equal(await log.end(), 0);
    assert.deepEqual(await log.read(0, 10), []);
  });

  contract('records have the positions 1, 2, 3 … and come back as they were', async ({ log }) => {
    const observation = {
      deviceTimeMs: null,
      gatewayTimeMs: 1_700_000_000_123.5,
      points: ['a', 'b', 'c', 'd'],
      values: [1.25, 'text', true, null],
      quality: ['GOOD', 'BAD', 'GOOD', 'GOOD'],
      times: [null, 1, 2, 3],
    };
    assert.equal(await log.append([{ source: device, observation }, ...records(2, 2)]), 1);
    assert.equal(await log.append(records(4, 1)), 4);
    assert.deepEqual(await log.read(0, 100), [
      { position: 1, source: device, observation },
      ...records(2, 3).map((record, index) => ({ position: 2 + index, ...record })),
    ]);
    assert.equal(await log.end(), 4);
    assert.equal(await log.begin(), 1);
  });

  contract('a reader can go on from any position, in pieces of any size', async ({ log }) => {
    for (let from = 1; from <= 100; from += 7) await log.append(records(from, Math.min(7, 101 - from)));
    for (const after of [0, 1, 6, 7, 50, 99, 100, 1000]) {
      for (const limit of [1, 10, 1000]) {
        const read = await readAll(log, after, limit);
        assert.deepEqual(
          read.map((record) => record.position),
          Array.from({ length: Math.max(0, 100 - after) }, (_, index) => after + 1 + index),
        );
      }
    }
  });

  contract('appends at the same time each get their own positions, in the order of the calls', async ({ log }) => {
    const sizes = Array.from({ length: 200 }, (_, index) => 1 + (index % 5));
    let next = 1;
    const expected = sizes.map((size) => {
      const first = next;
      next += size;
      return first;
    });
    const got = await Promise.all(sizes.map((size, index) => log.append(records(expected[index] ?? 0, size))));
    assert.deepEqual(got, expected);
    for (const record of await readAll(log, 0, 64)) assert.deepEqual(record.observation, { n: record.position });
  });

  contract('a large append is one run of positions', async ({ log }) => {
    assert.equal(await log.append(records(1, 5000)), 1);
    assert.equal(await log.end(), 5000);
    assert.equal((await readAll(log, 0, 500)).length, 5000);
  });

  contract('after opening again it goes on where it was', async (opened) => {
    await opened.log.append(records(1, 10));
    const log = await opened.reopen();
    assert.equal(await log.end(), 10);
    assert.equal(await log.append(records(11, 1)), 11);
    assert.equal((await readAll(log, 0, 100)).length, 11);
  });

  contract('trim drops what every consumer is past, and positions go on', async (opened) => {
    for (let from = 1; from <= 100; from += 10) await opened.log.append(records(from, 10));
    await opened.log.trim({ beforePosition: 35, olderThanMs: Date.now() - 60_000 });
    assert.equal(await opened.log.begin(), 1, 'nothing is old enough');
    await opened.log.trim({ beforePosition: 35, olderThanMs: Date.now() + 1000 });
    const begin = await opened.log.begin();
    assert.ok(begin > 1 && begin <= 35, `begin is ${begin}`);
    assert.equal((await readAll(opened.log, 34, 1000)).length, 66);
    await opened.log.trim({ beforePosition: 1_000_000, olderThanMs: Date.now() + 1000 });
    const log = await opened.reopen();
    assert.equal(await log.end(), 100);
    assert.equal(await log.append(records(101, 1)), 101);
  });
}

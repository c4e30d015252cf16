import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Frame } from '../../../../actors/frame.ts';
import { History } from '../../../../gateways/historian/history.ts';
import { tempDir } from '../../../support/temp-dir.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 2, 1);
const QUESTION = { entity: 'device/plc-1', series: 'n', fromMs: 0, toMs: 4e12, limit: 1000 };

function folder(t: TestContext): string {
  const { dir, remove } = tempDir('history');
  t.after(remove);
  return dir;
}

/** A reading at each position, in the first or the second day by turns. */
function add(history: History, from: number, to: number): void {
  for (let n = from; n <= to; n++) {
    const timeMs = START_MS + (n % 2) * DAY_MS + n;
    const frame: Frame = {
      deviceTimeMs: timeMs,
      gatewayTimeMs: timeMs,
      points: ['n'],
      values: [n],
      quality: null,
      reasons: null,
      times: null,
    };
    history.add(n, 'device/plc-1', frame);
  }
}

test('what a day has already is not taken from the log again', (t) => {
  const dir = folder(t);
  const first = new History(dir, 'log-1');
  add(first, 1, 10);
  first.flush(10);
  first.close();
  // As after a crash between the days' files and the file of the position.
  for (const part of ['', '-wal', '-shm']) rmSync(path.join(dir, `historian.db${part}`), { force: true });
  const again = new History(dir, 'log-1');
  assert.equal(again.stored, 0);
  add(again, 1, 10);
  assert.equal(again.bufferedCells, 0);
  add(again, 11, 12);
  assert.equal(again.raw(QUESTION).length, 12);
  again.close();
});

test('positions of another log mean nothing', (t) => {
  const dir = folder(t);
  const first = new History(dir, 'log-1');
  add(first, 1, 10);
  first.flush(10);
  first.close();
  const again = new History(dir, 'log-2');
  assert.equal(again.stored, 0);
  add(again, 11, 12);
  again.flush(2);
  assert.equal(again.raw(QUESTION).length, 12);
  again.close();
});

test('when one day cannot be written the others are, and nothing is lost or doubled', (t) => {
  const dir = folder(t);
  const history = new History(dir, 'log-1');
  add(history, 1, 10);
  const blocked = path.join(dir, '2026-03-02.db');
  mkdirSync(blocked);
  assert.throws(() => history.flush(10));
  assert.equal(history.stored, 0, 'the log is needed still');
  add(history, 11, 14);
  assert.throws(() => history.flush(14));
  rmdirSync(blocked);
  history.flush(14);
  assert.equal(history.stored, 14);
  history.close();
  const again = new History(dir, 'log-1');
  const values = again.raw(QUESTION).map((sample) => Number(sample.value));
  assert.deepEqual(
    values.sort((a, b) => a - b),
    Array.from({ length: 14 }, (_, index) => index + 1),
  );
  again.close();
});

test('a device whose clock says nothing sensible is kept by the time of the gateway', (t) => {
  const history = new History(folder(t), 'log-1');
  for (const [index, deviceTimeMs] of [Number.NaN, -5, 1e300].entries()) {
    const gatewayTimeMs = START_MS + index;
    history.add(index + 1, 'device/plc-1', {
      deviceTimeMs,
      gatewayTimeMs,
      points: ['n'],
      values: [index],
      quality: null,
      reasons: null,
      times: null,
    });
  }
  assert.deepEqual(
    history.raw(QUESTION).map((sample) => sample.timeMs),
    [START_MS, START_MS + 1, START_MS + 2],
  );
  history.close();
});

/**
 * Goal: a sensor that hangs is marked in time, and nothing else is.
 * Method: one point with noise and one that may stand still, driven as the runtime does it: admitted, then observed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceKind } from '../../../../actors/device/device.ts';
import { deviceView } from '../../../../actors/device/view.ts';
import type { Frame, PointValue } from '../../../../actors/frame.ts';
import { entityId } from '../../../../runtime/ids.ts';
import { Bench, device, type FrameOver, frame, point, T0 } from '../plant.ts';

const ID = entityId('device', 'plc-1');
const FROZEN = { afterMs: 5000, tolerance: 0.1 };
const DEVICE = device({
  points: [point({ name: 'vibration', frozen: FROZEN }), point({ name: 'setpoint' })],
});

function up() {
  return new Bench(deviceKind, ID, DEVICE).start();
}

type Plc = ReturnType<typeof up>;

function give(plc: Plc, atMs: number, readings: Record<string, PointValue>, over: FrameOver = {}): Frame | null {
  const admission = deviceKind.admit?.(plc.state, frame(atMs, readings, over), plc.turn(atMs));
  const admitted = admission?.observation ?? null;
  if (admitted !== null) plc.observe(admitted, ID);
  return admitted;
}

/** A reading a second; the marks of the vibration by second, as its reason. */
function marks(plc: Plc, fromSecond: number, values: readonly number[]): (string | null)[] {
  return values.map((vibration, index) => {
    give(plc, (fromSecond + index) * 1000, { vibration, setpoint: 50 });
    return deviceView(plc.state).marks.vibration?.reason ?? null;
  });
}

const WELL = null;

test('a value that has not moved for so long is SUSPECT from then on, and until it moves', () => {
  const plc = up();
  assert.deepEqual(marks(plc, 0, [2, 2.1, 2.05, 2, 2]), [WELL, WELL, WELL, WELL, WELL]);
  assert.deepEqual(marks(plc, 5, [2]), ['frozen']);
  assert.deepEqual(deviceView(plc.state).marks.vibration, {
    quality: 'SUSPECT',
    reason: 'frozen',
    sinceMs: T0 + 5000,
    lastGood: { value: 2, timeMs: T0 + 4000 },
  });
  assert.deepEqual(marks(plc, 6, [2, 2, 2]), ['frozen', 'frozen', 'frozen']);
  assert.equal(deviceView(plc.state).marks.vibration?.sinceMs, T0 + 5000);
  assert.deepEqual(marks(plc, 9, [2.2, 2.2]), [WELL, WELL]);
  assert.equal(deviceView(plc.state).marks.setpoint, undefined, 'a point without the rule may stand still');
});

test('the assets get the reading marked, in the frame that the log has', () => {
  const plc = up();
  marks(plc, 0, [2, 2, 2, 2, 2]);
  const admitted = give(plc, 5000, { vibration: 2, setpoint: 50 });
  assert.deepEqual(admitted?.values, [2, 50]);
  assert.deepEqual(admitted?.quality, ['SUSPECT', 'GOOD']);
  assert.deepEqual(admitted?.reasons, ['frozen', null]);
});

test('a slow drift is a move, though no step of it is larger than the tolerance', () => {
  const drift = Array.from({ length: 20 }, (_, i) => 2 + i * 0.03);
  assert.deepEqual(
    marks(up(), 0, drift),
    drift.map(() => WELL),
  );
});

test('a silence begins the count anew, since nobody knows what happened in it', () => {
  const plc = up();
  marks(plc, 0, [2, 2, 2, 2]);
  assert.deepEqual(marks(plc, 60, [2, 2, 2, 2, 2, 2]), [WELL, WELL, WELL, WELL, WELL, 'frozen']);
});

test('readings of which the source is not certain are left as they are and prove nothing', () => {
  const plc = up();
  marks(plc, 0, [2, 2, 2, 2]);
  const over = { quality: ['UNCERTAIN', 'GOOD'], reasons: ['precision_lost', null] } as const;
  give(plc, 4000, { vibration: 2, setpoint: 50 }, over);
  assert.equal(deviceView(plc.state).marks.vibration?.reason, 'precision_lost');
  assert.deepEqual(marks(plc, 5, [2, 2, 2, 2]), [WELL, WELL, WELL, WELL]);
});

test('a late reading is judged by nothing that came after it', () => {
  const plc = up();
  marks(plc, 0, [2, 2, 2, 2, 2, 2]);
  const late = give(plc, 6000, { vibration: 2 }, { deviceTimeMs: T0 + 500 });
  assert.equal(late?.quality, null);
  assert.equal(deviceView(plc.state).marks.vibration?.reason, 'frozen');
});

test('a restart goes on counting, from the snapshot and from the log', () => {
  const plc = up();
  marks(plc, 0, [2, 2, 2]);
  const back = new Bench(deviceKind, ID, DEVICE, plc.encode());
  for (const second of [3, 4]) {
    back.observe(frame(second * 1000, { vibration: 2, setpoint: 50 }), ID);
  }
  back.start(4500);
  assert.deepEqual(marks(back, 5, [2, 2, 2.3]), ['frozen', 'frozen', WELL]);
});

test('a rule that was away begins anew', () => {
  const plc = up();
  marks(plc, 0, [2, 2, 2, 2, 2, 2]);
  const without = device({ points: [point({ name: 'vibration' }), point({ name: 'setpoint' })] });
  const between = new Bench(deviceKind, ID, without, plc.encode()).start(6000);
  assert.deepEqual(marks(between, 6, [7]), [WELL]);
  const back = new Bench(deviceKind, ID, DEVICE, between.encode()).start(7000);
  assert.deepEqual(marks(back, 7, [2, 2]), [WELL, WELL]);
});

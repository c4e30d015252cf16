import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Foldable, linesOf } from '../../../../ui/store/event-folds.ts';

let seq = 0;
function entry(kind: string, timeMs: number, more: Partial<Foldable> = {}): Foldable {
  return { key: String(++seq), kind, timeMs, by: 'system', entity: 'asset/pump-1', event: {}, ...more };
}

function told(entries: readonly Foldable[], groundOf: (entry: Foldable) => string = () => ''): string[] {
  return linesOf(entries, groundOf).map((line) =>
    line.kind === 'one' ? line.entry.kind : `${line.entries.length} ${line.newest.kind}`,
  );
}

test('what one lost link brings about is one line a kind, and what has to be done about it stays by itself', () => {
  const burst = Array.from({ length: 40 }, (_, i) => [
    entry('AlarmCannotEvaluate', 9000 - i, { entity: `asset/pump-${i}` }),
    entry('LinkedDeviceReported', 9000 - i, { by: 'device/plc' }),
  ]).flat();
  const entries = [entry('AlarmAcknowledged', 9500, { by: 'ann' }), ...burst, entry('AlarmRaised', 8900)];
  assert.deepEqual(told(entries), [
    'AlarmAcknowledged',
    '40 AlarmCannotEvaluate',
    '40 LinkedDeviceReported',
    'AlarmRaised',
  ]);
});

test('two are no burst, and what comes later, elsewhere or for another reason is a burst of its own', () => {
  const three = (atMs: number) => [0, 1, 2].map((i) => entry('AlarmEvaluable', atMs - i));
  assert.deepEqual(told(three(100_000).slice(1)), ['AlarmEvaluable', 'AlarmEvaluable']);
  assert.deepEqual(told([...three(100_000), ...three(90_000)]), ['3 AlarmEvaluable', '3 AlarmEvaluable']);
  const apart = [...three(100_000), ...three(99_990)];
  assert.deepEqual(
    told(apart, ({ timeMs }) => (timeMs > 99_995 ? 'north' : 'south')),
    ['3 AlarmEvaluable', '3 AlarmEvaluable'],
  );
});

test('a burst is as long as it goes on, and keeps its place among the others while more comes', () => {
  const older = Array.from({ length: 5 }, (_, i) => entry('DeviceOffline', 50_000 - i * 4000));
  const [before] = linesOf(older, () => '');
  const [after] = linesOf([entry('DeviceOffline', 52_000), ...older], () => '');
  assert.ok(before?.kind === 'fold' && after?.kind === 'fold');
  assert.deepEqual([before.entries.length, after.entries.length], [5, 6]);
  assert.equal(after.key, before.key);
});

test('people, alarms that are raised, and alarms that are announced again are never folded', () => {
  const four = (kind: string, more: Partial<Foldable> = {}) => [0, 1, 2, 3].map((i) => entry(kind, 1000 - i, more));
  assert.equal(told(four('AlarmRaised')).length, 4);
  assert.equal(told(four('DeviceOffline', { by: 'ann' })).length, 4);
  assert.equal(told(four('AlarmUnsuppressed', { event: { annunciation: { kind: 'raised' } } })).length, 4);
  assert.deepEqual(told(four('AlarmUnsuppressed', { event: { annunciation: null } })), ['4 AlarmUnsuppressed']);
});

test('alarms that are raised suppressed, behind a lost link, call nobody and are one line', () => {
  const four = (annunciation: object | null) =>
    [0, 1, 2, 3].map((i) => entry('AlarmRaised', 1000 - i, { event: { annunciation } }));
  assert.deepEqual(told(four(null)), ['4 AlarmRaised']);
  assert.equal(told(four({ localDate: '20260501' })).length, 4);
});

test('the first start introduces every device, in one line', () => {
  const forty = Array.from({ length: 40 }, (_, i) => entry('DeviceIntroduced', 2000 - i, { entity: `device/${i}` }));
  assert.deepEqual(told(forty), ['40 DeviceIntroduced']);
});

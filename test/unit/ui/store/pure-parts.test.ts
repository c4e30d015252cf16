import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from '../../../../ui/store/backoff.ts';
import { isCovered, parseFrame } from '../../../../ui/store/frames.ts';
import { rangeName, rowsOf, seriesOf } from '../../../../ui/store/history.ts';
import { parseAddress, withQuery } from '../../../../ui/store/router.ts';
import { shortNames } from '../../../../ui/store/short-names.ts';
import { occurrenceKey, soundingSeverity } from '../../../../ui/store/sound-plan.ts';
import { directionOf } from '../../../../ui/store/trend-direction.ts';
import { anAlarm, SHELVED } from '../alarms-at-hand.ts';

test('attempts to connect back off from a quarter of a second to ten, with jitter', () => {
  assert.equal(
    backoffMs(0, () => 0),
    125,
  );
  assert.equal(
    backoffMs(0, () => 1),
    250,
  );
  assert.equal(
    backoffMs(3, () => 1),
    2000,
  );
  assert.equal(
    backoffMs(500, () => 1),
    10_000,
  );
});

test('what is no frame of the server is refused', () => {
  assert.equal(parseFrame('nonsense'), null);
  assert.equal(parseFrame('{"op":"heartbeat"}'), null, 'no number');
  assert.equal(parseFrame('{"op":"surprise","seq":1}'), null);
  assert.equal(parseFrame('{"op":"pong","seq":4,"timeMs":1}')?.op, 'pong');
});

test('an event up to the position of a snapshot is covered by it', () => {
  const event = {
    token: '7',
    entity: 'asset/a',
    seq: 1,
    kind: 'AlarmRaised',
    timeMs: 0,
    by: '',
    event: {},
    after: null,
  };
  assert.equal(isCovered(event, '7'), true);
  assert.equal(isCovered(event, '6'), false);
  assert.equal(isCovered({ ...event, token: 'x' }, '9'), false);
});

test('an address is the view, and one setting changes without the others', () => {
  const address = parseAddress('/asset/pump%201?trend=flow,level&range=1h');
  assert.deepEqual(address.segments, ['asset', 'pump 1']);
  assert.equal(withQuery(address, { range: '24h' }), '/asset/pump%201?trend=flow%2Clevel&range=24h');
  assert.equal(withQuery(address, { range: null, trend: '' }), '/asset/pump%201');
  assert.deepEqual(parseAddress('/asset/%E0%A4%A').segments, ['asset', '%E0%A4%A']);
});

test('tiles leave out the words that all names share, unless that made two alike', () => {
  assert.deepEqual(shortNames(['Pump N001', 'Pump N002']), ['N001', 'N002']);
  assert.deepEqual(shortNames(['North pump 1', 'North pump 2']), ['1', '2']);
  assert.deepEqual(shortNames(['Feeder A', 'Turbine 1']), ['Feeder A', 'Turbine 1']);
  assert.deepEqual(shortNames(['Pump', 'Pump 1']), ['Pump', 'Pump 1']);
  assert.deepEqual(shortNames(['Only one']), ['Only one']);
});

test('sound follows the gravest unacknowledged standing alarm; silence holds for that occurrence alone', () => {
  const low = anAlarm({ id: 'l', severity: 'LOW' });
  const critical = anAlarm({ id: 'c', severity: 'CRITICAL' });
  assert.equal(soundingSeverity([low, critical], new Set()), 'CRITICAL');
  assert.equal(soundingSeverity([low, critical], new Set([occurrenceKey(critical)])), 'LOW');
  assert.equal(
    soundingSeverity([{ ...critical, raisedAtMs: 5, occurrences: 2 }], new Set([occurrenceKey(critical)])),
    'CRITICAL',
  );
  assert.equal(
    soundingSeverity(
      [anAlarm({ detail: 'ACTIVE_ACK' }), anAlarm({ detail: 'RTN_UNACK' }), anAlarm({ shelved: SHELVED })],
      new Set(),
    ),
    null,
  );
});

test('the direction of a value is measured against its range', () => {
  const minute = { avg: 50, min: 49, max: 51 };
  assert.equal(directionOf(50.2, minute, 100), 'steady');
  assert.equal(directionOf(52, minute, 100), 'rising');
  assert.equal(directionOf(40, minute, 100), 'falling-fast');
  assert.equal(directionOf(50, undefined, 100), null);
});

test('history is put in order, bad samples leave a hole, windows keep their extremes', () => {
  const raw = seriesOf(
    rowsOf({
      items: [{ timeMs: 3000, value: 3, quality: 'BAD' }, { timeMs: 1000, value: 1, quality: 'GOOD' }, { value: 9 }],
    }),
  );
  assert.deepEqual(
    [raw.times, raw.values],
    [
      [1, 3],
      [1, null],
    ],
  );
  const windows = seriesOf(rowsOf({ items: [{ startMs: 60_000, avg: 5, min: 4, max: 7 }] }));
  assert.deepEqual([windows.times, windows.values, windows.lows, windows.highs], [[60], [5], [4], [7]]);
  assert.equal(rangeName('nonsense'), '1h');
});

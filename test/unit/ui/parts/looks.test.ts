import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookOf } from '../../../../ui/parts/alarm-look.ts';
import { barGeometry, drawnSpan, markWords, valueLook } from '../../../../ui/parts/value-look.ts';
import { anAlarm, SHELVED } from '../alarms-at-hand.ts';

test('every state of an alarm has a look of its own, without its colour', () => {
  const looks = [
    anAlarm(),
    anAlarm({ detail: 'ACTIVE_ACK' }),
    anAlarm({ detail: 'RTN_UNACK' }),
    anAlarm({ detail: 'LATCHED_UNACK' }),
    anAlarm({ detail: 'LATCHED_ACK' }),
    anAlarm({ shelved: SHELVED }),
    anAlarm({ suppressed: { cause: 'device_lost', by: null, sinceMs: 1 } }),
    anAlarm({ outOfService: { by: 'p', reason: 'r', workOrder: null, sinceMs: 1 } }),
    anAlarm({ cannotEvaluate: { reason: 'stale', sinceMs: 1 } }),
  ].map(lookOf);
  const forms = looks.map(({ filled, blinks, badge }) => `${filled} ${blinks} ${badge}`);
  assert.equal(new Set(forms).size, looks.length, forms.join(' | '));
});

test('only what waits for an acknowledgement in the open blinks, and only the active list is coloured', () => {
  assert.equal(lookOf(anAlarm()).blinks, true);
  assert.equal(lookOf(anAlarm({ detail: 'ACTIVE_ACK' })).blinks, false);
  const shelved = lookOf(anAlarm({ shelved: SHELVED }));
  assert.deepEqual([shelved.blinks, shelved.coloured], [false, false]);
});

test('nothing but a good value looks good', () => {
  assert.equal(valueLook(5, undefined), 'good');
  assert.equal(valueLook(null, undefined), 'missing');
  assert.equal(valueLook(5, { quality: 'BAD', reason: 'sensor_fault' }), 'bad');
  assert.equal(valueLook(5, { quality: 'GOOD', reason: 'stale' }), 'stale');
  assert.equal(valueLook(5, { quality: 'SUSPECT', reason: 'rate' }), 'uncertain');
  const partial = { quality: 'UNCERTAIN', reason: 'partial_input' } as const;
  assert.equal(valueLook(5, partial), 'uncertain');
  assert.equal(markWords({ ...partial, inputs: { used: 3, of: 4 } }), 'uncertain: has 3 of 4 inputs');
  assert.equal(markWords(partial), 'uncertain: some of its inputs are missing');
  assert.equal(markWords({ quality: 'BAD', reason: 'modbus_exception_02' }), 'bad: the device refuses the register');
});

test('a bar places normal range, limits and value in the range, and tells a value beyond it', () => {
  const info = {
    range: { min: 0, max: 200 },
    normal: { min: 50, max: 100 },
    limits: [{ rule: 'r', severity: 'HIGH' as const, above: 150 }],
  };
  const bar = barGeometry(info, 300);
  assert.deepEqual(bar?.normal, { from: 25, to: 50 });
  assert.deepEqual(bar?.limits, [{ at: 75, severity: 'HIGH', side: 'above' }]);
  assert.deepEqual([bar?.pointer, bar?.beyond], [100, 'high']);
  assert.equal(barGeometry(info, 'text')?.pointer, null);
});

test('without a range the span leaves room around normal range and limits; without those there is no bar', () => {
  const span = drawnSpan({
    range: null,
    normal: { min: 0, max: 80 },
    limits: [{ rule: 'r', severity: 'LOW', above: 100 }],
  });
  assert.deepEqual(span, { min: -25, max: 125 });
  assert.equal(drawnSpan({ range: null, normal: null, limits: [] }), null);
});

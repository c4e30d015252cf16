import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  arrange,
  compareAlarms,
  countAlarms,
  gravestByGroup,
  isUnacknowledged,
  listOf,
  PRIORITY,
} from '../../../../ui/store/alarm-order.ts';
import { anAlarm, SHELVED } from '../alarms-at-hand.ts';

const DETAILS = ['ACTIVE_UNACK', 'ACTIVE_ACK', 'RTN_UNACK', 'LATCHED_UNACK', 'LATCHED_ACK'] as const;
const SEVERITY = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO'] as const;
const alarms = fc.uniqueArray(
  fc
    .record({
      id: fc.string({ minLength: 1, maxLength: 4 }),
      detail: fc.constantFrom(...DETAILS),
      severity: fc.constantFrom(...SEVERITY),
      raisedAtMs: fc.integer({ min: 0, max: 5 }),
    })
    .map(anAlarm),
  { selector: (alarm) => alarm.id, maxLength: 30 },
);

test('unacknowledged come first, then the graver, then the newer', () => {
  fc.assert(
    fc.property(alarms, (list) => {
      const sorted = [...list].sort(compareAlarms);
      for (let i = 1; i < sorted.length; i++) {
        const [a, b] = [sorted[i - 1], sorted[i]];
        if (a === undefined || b === undefined) continue;
        const rank = (alarm: typeof a) => [
          Number(!isUnacknowledged(alarm)),
          PRIORITY[alarm.severity],
          -(alarm.raisedAtMs ?? 0),
        ];
        const [x, y] = [rank(a), rank(b)];
        const first = x.findIndex((value, k) => value !== y[k]);
        assert.ok(first < 0 || (x[first] ?? 0) < (y[first] ?? 0));
      }
    }),
  );
});

test('where there is room for one symbol, the gravest alarm speaks in the state that it is in', () => {
  const low = anAlarm({ id: 'low', severity: 'LOW' });
  const grave = anAlarm({ id: 'grave', severity: 'CRITICAL', detail: 'ACTIVE_ACK' });
  const returned = anAlarm({ id: 'returned', detail: 'RTN_UNACK' });
  const standing = anAlarm({ id: 'standing' });
  const shelved = anAlarm({ id: 'shelved', severity: 'CRITICAL', shelved: SHELVED });
  const gravest = (...all: (typeof low)[]) => gravestByGroup(all).get('asset/pump-1')?.id;
  assert.equal(gravest(low, grave, shelved), 'grave');
  assert.equal(gravest(returned, standing), 'standing');
  assert.equal(gravest(returned), 'returned');
  assert.equal(gravest(shelved), undefined);
  const groups = gravestByGroup([low, grave, returned]);
  assert.equal(groups.get('site/north LOW')?.id, 'low');
  assert.equal(groups.get('HIGH')?.id, 'returned');
});

test('the order does not depend on the order of arrival', () => {
  fc.assert(
    fc.property(alarms, fc.nat(), (list, turn) => {
      const k = list.length === 0 ? 0 : turn % list.length;
      const rotated = [...list.slice(k), ...list.slice(0, k)];
      assert.deepEqual(arrange([], rotated, false).ids, arrange([], list, false).ids);
    }),
  );
});

test('while the list is held no row moves and every new alarm waits, the gravest first', () => {
  fc.assert(
    fc.property(alarms, alarms, (before, after) => {
      const shown = arrange([], before, false).ids;
      const held = arrange(shown, after, true);
      if (shown.length === 0) return assert.equal(held.waiting.length, 0);
      assert.deepEqual(held.ids, shown);
      const unseen = after.filter((alarm) => !shown.includes(alarm.id)).sort(compareAlarms);
      assert.deepEqual(
        held.waiting.map((a) => a.id),
        unseen.map((a) => a.id),
      );
      assert.deepEqual(arrange(held.ids, after, false).waiting, []);
    }),
  );
});

test('an overlay takes an alarm out of the active list, and out of service outweighs shelved', () => {
  assert.equal(listOf(anAlarm()), 'active');
  assert.equal(listOf(anAlarm({ shelved: SHELVED })), 'shelved');
  assert.equal(listOf(anAlarm({ suppressed: { cause: 'device_lost', by: null, sinceMs: 1 } })), 'suppressed');
  const outOfService = { by: 'p', reason: 'r', workOrder: null, sinceMs: 1 };
  assert.equal(listOf(anAlarm({ shelved: SHELVED, outOfService })), 'out-of-service');
});

test('counts tell unacknowledged from acknowledged by priority and leave the hidden ones out', () => {
  const counts = countAlarms([
    anAlarm({ severity: 'CRITICAL' }),
    anAlarm({ severity: 'CRITICAL', detail: 'ACTIVE_ACK' }),
    anAlarm({ severity: 'HIGH', detail: 'LATCHED_ACK' }),
    anAlarm({ severity: 'CRITICAL', shelved: SHELVED }),
    anAlarm({ severity: 'LOW', detail: 'NORMAL', cannotEvaluate: { reason: 'stale', sinceMs: 1 } }),
  ]);
  assert.deepEqual(counts.bySeverity.CRITICAL, { unacknowledged: 1, acknowledged: 1 });
  assert.deepEqual(counts.bySeverity.HIGH, { unacknowledged: 0, acknowledged: 1 });
  assert.deepEqual(
    [counts.total, counts.unacknowledged, counts.shelved, counts.cannotEvaluate, counts.bySeverity.LOW.acknowledged],
    [3, 1, 1, 1, 0],
  );
});

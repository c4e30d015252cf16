import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlarmView } from '../../../../actors/views.ts';
import { AlarmBook } from '../../../../ui/store/alarm-book.ts';
import { anAlarm } from '../alarms-at-hand.ts';

const event = (position: number, seq: number, after: AlarmView | null, kind = 'AlarmRaised') => ({
  token: String(position),
  entity: 'asset/pump-1',
  seq,
  kind,
  timeMs: position,
  by: 'system',
  event: {},
  after,
});

test('an alarm comes with its raise and goes when it is normal again', () => {
  const book = new AlarmBook();
  book.takeSnapshot([], '0');
  book.takeEvents([event(1, 1, anAlarm())]);
  assert.equal(book.counts.value.unacknowledged, 1);
  book.takeEvents([event(2, 2, anAlarm({ detail: 'NORMAL', state: 'CLEARED' }), 'AlarmAcknowledged')]);
  assert.equal(book.alarms.value.size, 0);
  assert.deepEqual(
    book.transitions.value.map((t) => t.kind),
    ['AlarmRaised', 'AlarmAcknowledged'],
  );
});

test('after a reconnect the repeated events fill the history and do not undo what the snapshot says', () => {
  const book = new AlarmBook();
  book.takeSnapshot([], '0');
  book.takeEvents([event(1, 1, anAlarm())]);
  const acknowledged = anAlarm({ detail: 'ACTIVE_ACK', state: 'ACKNOWLEDGED' });
  book.takeSnapshot([acknowledged], '4');
  book.takeEvents([
    event(2, 2, anAlarm({ occurrences: 2 })),
    event(4, 3, acknowledged, 'AlarmAcknowledged'),
    event(5, 4, anAlarm({ occurrences: 3 })),
  ]);
  assert.equal(book.alarms.value.get('asset/pump-1:hot')?.occurrences, 3);
  assert.deepEqual(
    book.transitions.value.map((t) => t.seq),
    [1, 2, 3, 4],
  );
});

test('while the missed events still come in, no alarm falls back to what it was before the snapshot', () => {
  const book = new AlarmBook();
  book.takeSnapshot([anAlarm({ detail: 'ACTIVE_ACK', state: 'ACKNOWLEDGED' })], '4');
  book.takeEvents([event(2, 1, anAlarm())]);
  assert.equal(book.alarms.value.get('asset/pump-1:hot')?.detail, 'ACTIVE_ACK');
  assert.equal(book.transitions.value.length, 1);
});

test('an event that comes twice counts once', () => {
  const book = new AlarmBook();
  book.takeSnapshot([], '0');
  book.takeEvents([event(1, 1, anAlarm()), event(2, 2, anAlarm({ detail: 'ACTIVE_ACK' }))]);
  book.takeEvents([event(1, 1, anAlarm()), event(2, 2, anAlarm({ detail: 'ACTIVE_ACK' }))]);
  assert.equal(book.transitions.value.length, 2);
  assert.equal(book.alarms.value.get('asset/pump-1:hot')?.detail, 'ACTIVE_ACK');
});

test('a normal alarm that cannot be evaluated stays in sight', () => {
  const book = new AlarmBook();
  book.takeSnapshot([anAlarm({ detail: 'NORMAL', cannotEvaluate: { reason: 'stale', sinceMs: 1 } })], '0');
  assert.equal(book.counts.value.cannotEvaluate, 1);
  assert.equal(book.counts.value.total, 0);
});

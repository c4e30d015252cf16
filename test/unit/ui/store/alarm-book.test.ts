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

test('what is not on record lies over what is, until its event comes', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const book = new AlarmBook();
  book.takeSnapshot([anAlarm({ rule: 'dry', id: 'asset/pump-1:dry' })], '0');
  const raised = anAlarm({ notRecorded: true });
  const gone = anAlarm({ rule: 'dry', id: 'asset/pump-1:dry', detail: 'NORMAL', state: 'CLEARED', notRecorded: true });
  book.takeUnrecorded('asset/pump-1', { hot: raised, dry: gone });
  assert.equal(book.alarms.value.get('asset/pump-1:hot'), raised);
  // That it went is not on record, so it is still to be seen.
  assert.equal(book.alarms.value.get('asset/pump-1:dry'), gone);
  assert.equal(book.counts.value.unacknowledged, 1);
  assert.equal(book.transitions.value.length, 0);

  // The mark goes before the events come: it does not disappear in between.
  book.takeUnrecorded('asset/pump-1', undefined);
  assert.equal(book.alarms.value.size, 2);
  book.takeEvents([event(1, 1, anAlarm())]);
  assert.equal(book.alarms.value.get('asset/pump-1:hot')?.notRecorded, undefined);
  t.mock.timers.tick(2000);
  assert.deepEqual([...book.alarms.value.keys()], ['asset/pump-1:dry', 'asset/pump-1:hot']);
  assert.equal(book.alarms.value.get('asset/pump-1:dry')?.detail, 'ACTIVE_UNACK');
});

test('a page that was opened meanwhile does not keep what never came to be', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const book = new AlarmBook();
  const raised = anAlarm({ notRecorded: true });
  book.takeSnapshot([raised], '7');
  book.takeUnrecorded('asset/pump-1', { hot: raised });
  book.takeUnrecorded('asset/pump-1', {});
  t.mock.timers.tick(2000);
  assert.equal(book.alarms.value.size, 0);
});

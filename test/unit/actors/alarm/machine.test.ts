import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlarmEvent, Occurrence } from '../../../../actors/alarm/events.ts';
import { type AlarmRecord, evolveAlarm, isHeld, normal } from '../../../../actors/alarm/machine.ts';
import type { AlarmDetail } from '../../../../actors/views.ts';

const OCCURRENCE: Occurrence = {
  name: 'Too hot',
  metric: 'temperature',
  severity: 'HIGH',
  value: 90,
  threshold: 80,
  unit: '°C',
  message: '',
};
const COOLDOWN_UNTIL = 10_000;

type Input = 'raise' | 'recur' | 'clear' | 'acknowledge' | 'reset';
interface Flags {
  readonly latched: boolean;
  readonly autoAckOnClear: boolean;
}

function eventOf(input: Input, { latched, autoAckOnClear }: Flags): AlarmEvent {
  const of = { rule: 'hot', atMs: 20_000 };
  switch (input) {
    case 'raise':
      return {
        kind: 'AlarmRaised',
        ...of,
        ...OCCURRENCE,
        latched,
        autoAckOnClear,
        counted: false,
        annunciation: { localDate: '20260501' },
      };
    case 'recur':
      return { kind: 'AlarmRecurred', ...of, ...OCCURRENCE };
    case 'clear':
      return { kind: 'AlarmCleared', ...of, reason: 'condition_gone', value: 70, cooldownUntilMs: COOLDOWN_UNTIL };
    case 'acknowledge':
      return { kind: 'AlarmAcknowledged', ...of, by: 'olga', comment: null };
    case 'reset':
      return { kind: 'AlarmReset', ...of, by: 'olga' };
  }
}

const PLAIN: Flags = { latched: false, autoAckOnClear: false };
const LATCHED: Flags = { latched: true, autoAckOnClear: false };
const AUTO: Flags = { latched: false, autoAckOnClear: true };
const LATCHED_AUTO: Flags = { latched: true, autoAckOnClear: true };

/** Every state and input, once more in full: what stands here must not follow from the code that it tests. */
const TABLE: readonly [from: AlarmDetail, input: Input, flags: Flags, to: AlarmDetail][] = [
  ['NORMAL', 'raise', PLAIN, 'ACTIVE_UNACK'],
  ['NORMAL', 'recur', PLAIN, 'ACTIVE_ACK'],
  ['NORMAL', 'clear', PLAIN, 'NORMAL'],
  ['NORMAL', 'acknowledge', PLAIN, 'NORMAL'],
  ['NORMAL', 'reset', PLAIN, 'NORMAL'],
  ['ACTIVE_UNACK', 'raise', PLAIN, 'ACTIVE_UNACK'],
  ['ACTIVE_UNACK', 'recur', PLAIN, 'ACTIVE_UNACK'],
  ['ACTIVE_UNACK', 'clear', PLAIN, 'RTN_UNACK'],
  ['ACTIVE_UNACK', 'clear', LATCHED, 'LATCHED_UNACK'],
  ['ACTIVE_UNACK', 'clear', AUTO, 'NORMAL'],
  ['ACTIVE_UNACK', 'clear', LATCHED_AUTO, 'LATCHED_ACK'],
  ['ACTIVE_UNACK', 'acknowledge', PLAIN, 'ACTIVE_ACK'],
  ['ACTIVE_UNACK', 'reset', LATCHED, 'ACTIVE_UNACK'],
  ['ACTIVE_ACK', 'raise', PLAIN, 'ACTIVE_UNACK'],
  ['ACTIVE_ACK', 'recur', PLAIN, 'ACTIVE_ACK'],
  ['ACTIVE_ACK', 'clear', PLAIN, 'NORMAL'],
  ['ACTIVE_ACK', 'clear', LATCHED, 'LATCHED_ACK'],
  ['ACTIVE_ACK', 'clear', AUTO, 'NORMAL'],
  ['ACTIVE_ACK', 'clear', LATCHED_AUTO, 'LATCHED_ACK'],
  ['ACTIVE_ACK', 'acknowledge', PLAIN, 'ACTIVE_ACK'],
  ['ACTIVE_ACK', 'reset', LATCHED, 'ACTIVE_ACK'],
  ['RTN_UNACK', 'raise', PLAIN, 'ACTIVE_UNACK'],
  ['RTN_UNACK', 'recur', PLAIN, 'ACTIVE_UNACK'],
  ['RTN_UNACK', 'clear', PLAIN, 'RTN_UNACK'],
  ['RTN_UNACK', 'acknowledge', PLAIN, 'NORMAL'],
  ['RTN_UNACK', 'reset', PLAIN, 'RTN_UNACK'],
  ['LATCHED_UNACK', 'raise', LATCHED, 'ACTIVE_UNACK'],
  ['LATCHED_UNACK', 'recur', LATCHED, 'ACTIVE_UNACK'],
  ['LATCHED_UNACK', 'clear', LATCHED, 'LATCHED_UNACK'],
  ['LATCHED_UNACK', 'acknowledge', LATCHED, 'LATCHED_ACK'],
  ['LATCHED_UNACK', 'reset', LATCHED, 'RTN_UNACK'],
  ['LATCHED_ACK', 'raise', LATCHED, 'ACTIVE_UNACK'],
  ['LATCHED_ACK', 'recur', LATCHED, 'ACTIVE_ACK'],
  ['LATCHED_ACK', 'clear', LATCHED, 'LATCHED_ACK'],
  ['LATCHED_ACK', 'acknowledge', LATCHED, 'LATCHED_ACK'],
  ['LATCHED_ACK', 'reset', LATCHED, 'NORMAL'],
];

function recordIn(detail: AlarmDetail, flags: Flags): AlarmRecord {
  return { ...normal('hot'), ...flags, detail, occurrence: OCCURRENCE, occurrences: 1, firstRaisedAtMs: 1000 };
}

for (const [from, input, flags, to] of TABLE) {
  const words = [flags.latched ? 'latched' : '', flags.autoAckOnClear ? 'auto-acknowledged' : ''].filter(Boolean);
  test(`${from}${words.map((word) => `, ${word},`).join('')} on ${input} becomes ${to}`, () => {
    assert.equal(evolveAlarm(recordIn(from, flags), eventOf(input, flags)).detail, to);
  });
}

test('a silent recurrence stands where nobody was called for it, and a clear ends that', () => {
  for (const [from, flags] of [
    ['NORMAL', PLAIN],
    ['LATCHED_ACK', LATCHED],
  ] as const) {
    const standing = evolveAlarm(recordIn(from, flags), eventOf('recur', flags));
    assert.equal(standing.standing, true);
    assert.equal(isHeld(standing), true);
    const cleared = evolveAlarm(standing, eventOf('clear', flags));
    assert.equal(cleared.standing, false);
    assert.equal(cleared.detail, from);
  }
});

test('a recurrence of an alarm that still waits for its acknowledgement does not stand silently', () => {
  assert.equal(evolveAlarm(recordIn('RTN_UNACK', PLAIN), eventOf('recur', PLAIN)).standing, false);
});

test('a raise after the cooldown begins a new episode, one within it counts to the old', () => {
  const cleared = { ...recordIn('NORMAL', PLAIN), occurrences: 3, cooldownUntilMs: COOLDOWN_UNTIL };
  const anew = evolveAlarm(cleared, eventOf('raise', PLAIN));
  assert.equal(anew.occurrences, 1);
  assert.equal(anew.firstRaisedAtMs, 20_000);
  const again = evolveAlarm({ ...cleared, cooldownUntilMs: 30_000 }, eventOf('recur', PLAIN));
  assert.equal(again.occurrences, 4);
  assert.equal(again.firstRaisedAtMs, 1000);
});

test('overlays leave the state underneath as it is, and it goes on changing under them', () => {
  const of = { rule: 'hot', atMs: 5000 };
  const covered: AlarmRecord = [
    { kind: 'AlarmShelved', ...of, by: 'olga', reason: 'painting', untilMs: 9000 },
    { kind: 'AlarmSuppressed', ...of, cause: 'device_lost' },
    { kind: 'AlarmTakenOutOfService', ...of, by: 'olga', reason: 'sensor swap', workOrder: 'WO-1' },
  ].reduce((record, event) => evolveAlarm(record, event as AlarmEvent), recordIn('ACTIVE_UNACK', PLAIN));
  assert.equal(covered.detail, 'ACTIVE_UNACK');
  assert.deepEqual(covered.shelved, { untilMs: 9000, by: 'olga', reason: 'painting', atMs: 5000 });
  assert.deepEqual(covered.suppressed, { cause: 'device_lost', by: null, sinceMs: 5000 });
  assert.deepEqual(covered.outOfService, { by: 'olga', reason: 'sensor swap', workOrder: 'WO-1', sinceMs: 5000 });
  assert.equal(evolveAlarm(covered, eventOf('clear', PLAIN)).detail, 'RTN_UNACK');
});

test('an alarm whose rule is gone is normal, with nothing that hides it', () => {
  const shelved = { ...recordIn('LATCHED_UNACK', LATCHED), shelved: { untilMs: 9, by: 'o', reason: 'r', atMs: 1 } };
  const gone: AlarmEvent = {
    kind: 'AlarmCleared',
    rule: 'hot',
    atMs: 3000,
    reason: 'rule_removed',
    value: null,
    cooldownUntilMs: 3000,
  };
  const record = evolveAlarm(shelved, gone);
  assert.equal(record.detail, 'NORMAL');
  assert.equal(record.shelved, null);
  assert.equal(record.occurrence?.name, 'Too hot');
});

test('clearing acknowledges by itself only where the rule says so', () => {
  assert.equal(evolveAlarm(recordIn('ACTIVE_UNACK', AUTO), eventOf('clear', AUTO)).acknowledgedBy, 'system');
  assert.equal(evolveAlarm(recordIn('ACTIVE_UNACK', PLAIN), eventOf('clear', PLAIN)).acknowledgedBy, null);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assetKind } from '../../../../actors/asset/asset.ts';
import { assetView } from '../../../../actors/asset/view.ts';
import { entityId } from '../../../../runtime/ids.ts';
import type { AssetDefinition } from '../../../../topology/plant.ts';
import { WorkOrderTemplate } from '../../../../topology/schema/work-order-template.ts';
import { asset, Bench, frame, link, mapping, rule, T0 } from '../plant.ts';

const ID = entityId('asset', 'pump-1');
const MINUTE = 60_000;
const FOR_EVER = { staleAfterMs: 86_400_000 };

function up(over: Partial<AssetDefinition> = {}) {
  const links = [link({ mappings: [mapping('temperature', FOR_EVER), mapping('pressure', FOR_EVER)] })];
  return new Bench(assetKind, ID, asset({ links, ...over })).start();
}

function kinds(events: readonly { readonly kind: string }[]): string[] {
  return events.map((event) => event.kind);
}

function alarmOf(pump: ReturnType<typeof up>, id = 'hot') {
  return assetView(pump.state).alarms[id];
}

const SHELVE = { kind: 'ShelveAlarm', rule: 'hot', durationMs: MINUTE, reason: 'painting the fence' } as const;

test('a shelved alarm returns by itself when its time is up, without anybody doing a thing', () => {
  const pump = up();
  pump.observe(frame(0, { temperature: 90 }));
  pump.command(1000, SHELVE);
  assert.equal(alarmOf(pump)?.state, 'SUPPRESSED');
  assert.equal(alarmOf(pump)?.detail, 'ACTIVE_UNACK');
  assert.equal(pump.dueMs(), 1000 + MINUTE);
  assert.deepEqual(kinds(pump.due(MINUTE)), []);
  assert.deepEqual(kinds(pump.due(1000 + MINUTE)), ['AlarmUnshelved']);
  assert.equal(alarmOf(pump)?.state, 'ACTIVE');
});

test('an alarm that was raised while shelved asks for its order only when it comes off the shelf', () => {
  const workOrderTemplates = { cool: WorkOrderTemplate.parse({ id: 'cool', name: 'Cool down' }) };
  const pump = up({ rules: [rule({ workOrder: 'cool' })], workOrderTemplates });
  pump.command(0, SHELVE);
  pump.observe(frame(1000, { temperature: 90 }));
  assert.equal(pump.effects.length, 0);
  pump.due(MINUTE);
  assert.equal(pump.effects.length, 1);
});

test('an alarm that was told before it was shelved is not told again when it returns', () => {
  const pump = up({ rules: [rule({ webhook: 'http://127.0.0.1/hook' })] });
  pump.observe(frame(0, { temperature: 90 }));
  assert.equal(pump.effects.length, 1);
  pump.command(1000, SHELVE);
  pump.due(1000 + MINUTE);
  assert.equal(pump.effects.length, 1);
});

test('within the cooldown an occurrence is counted and listed as acknowledged, and nobody is called', () => {
  const pump = up({ rules: [rule({ cooldownSeconds: 300, webhook: 'http://127.0.0.1/hook' })] });
  pump.observe(frame(0, { temperature: 90 }));
  pump.command(500, { kind: 'AcknowledgeAlarm', rule: 'hot' });
  pump.observe(frame(1000, { temperature: 70 }));
  assert.equal(alarmOf(pump), undefined);
  assert.deepEqual(kinds(pump.observe(frame(2000, { temperature: 91 }))), ['AlarmRecurred']);
  const { state, detail, value, acknowledgedBy } = alarmOf(pump) ?? assert.fail();
  assert.deepEqual([state, detail, value, acknowledgedBy], ['ACKNOWLEDGED', 'ACTIVE_ACK', 91, 'olga']);
  assert.deepEqual(kinds(pump.observe(frame(3000, { temperature: 70 }))), ['AlarmCleared']);
  assert.deepEqual(kinds(pump.observe(frame(4000, { temperature: 90 }))), ['AlarmRecurred']);
  assert.equal(pump.effects.length, 1);
  assert.equal(pump.state.decided.alarms.get('hot')?.occurrences, 3);
});

test('what still holds at the end of the cooldown is annunciated then, as the same occurrence', () => {
  const pump = up({ rules: [rule({ cooldownSeconds: 300, webhook: 'http://127.0.0.1/hook' })] });
  pump.observe(frame(0, { temperature: 90 }));
  pump.command(500, { kind: 'AcknowledgeAlarm', rule: 'hot' });
  pump.observe(frame(1000, { temperature: 70 }));
  pump.observe(frame(2000, { temperature: 90 }));
  assert.equal(pump.dueMs(), 301_000);
  assert.deepEqual(kinds(pump.due(301_000)), ['AlarmRaised']);
  assert.equal(alarmOf(pump)?.detail, 'ACTIVE_UNACK');
  assert.equal(alarmOf(pump)?.occurrences, 2);
  assert.equal(pump.effects.length, 2);
});

test('an alarm that chatters is annunciated once per cooldown and never goes silent for good', () => {
  const pump = up({ rules: [rule({ cooldownSeconds: 10, autoAckOnClear: true })] });
  for (let at = 0; at < 60_000; at += 500) {
    pump.observe(frame(at, { temperature: (at / 500) % 2 === 0 ? 90 : 70 }));
    pump.due(at + 100);
  }
  const raised = pump.events.filter((event) => event.kind === 'AlarmRaised').length;
  assert.ok(raised >= 5 && raised <= 6, `raised ${raised} times in a minute`);
});

test('a latched alarm stays after its condition, is not reset while it holds, and needs both hands', () => {
  const pump = up({ rules: [rule({ latched: true })] });
  pump.observe(frame(0, { temperature: 90 }));
  const early = pump.command(100, { kind: 'ResetAlarm', rule: 'hot' });
  assert.equal(early.ok ? '' : early.code, 'CONDITION_STILL_HOLDS');
  pump.observe(frame(1000, { temperature: 70 }));
  assert.equal(alarmOf(pump)?.detail, 'LATCHED_UNACK');
  assert.equal(alarmOf(pump)?.state, 'ACTIVE');
  pump.command(2000, { kind: 'AcknowledgeAlarm', rule: 'hot' });
  pump.command(3000, { kind: 'ResetAlarm', rule: 'hot' });
  assert.equal(alarmOf(pump), undefined);
});

test('commands that do not fit the state are refused with a stable code', () => {
  const pump = up();
  const codes = (
    [
      { kind: 'AcknowledgeAlarm', rule: 'hot' },
      { kind: 'AcknowledgeAlarm', rule: 'cold' },
      { kind: 'ResetAlarm', rule: 'hot' },
      { kind: 'UnshelveAlarm', rule: 'hot' },
      { kind: 'ReturnAlarmToService', rule: 'hot' },
    ] as const
  ).map((command) => {
    const decision = pump.command(0, command);
    return decision.ok ? 'accepted' : decision.code;
  });
  assert.deepEqual(codes, [
    'ALARM_NOT_ACTIVE',
    'UNKNOWN_RULE',
    'ALARM_NOT_LATCHED',
    'ALARM_NOT_SHELVED',
    'ALARM_IN_SERVICE',
  ]);
  pump.observe(frame(0, { temperature: 90 }));
  pump.command(1, { kind: 'AcknowledgeAlarm', rule: 'hot' });
  const again = pump.command(2, { kind: 'AcknowledgeAlarm', rule: 'hot' });
  assert.equal(again.ok ? '' : again.code, 'ALARM_ALREADY_ACKNOWLEDGED');
});

test('information is recorded and stands in no list', () => {
  const pump = up({ rules: [rule({ severity: 'INFO' })] });
  assert.deepEqual(kinds(pump.observe(frame(0, { temperature: 90 }))), ['ConditionNoted']);
  assert.deepEqual(kinds(pump.observe(frame(1000, { temperature: 91 }))), []);
  assert.equal(alarmOf(pump), undefined);
  assert.equal(pump.dueMs(), FOR_EVER.staleAfterMs, 'for the pressure that never came');
  assert.deepEqual(kinds(pump.observe(frame(2000, { temperature: 70 }))), ['ConditionEnded']);
});

test('an alarm whose rule went out of the topology ends by an event, and keeps its name in it', () => {
  const pump = up();
  pump.observe(frame(0, { temperature: 90 }));
  const without = new Bench(assetKind, ID, asset({ rules: [] }), pump.encode()).start(5000);
  assert.deepEqual(kinds(without.events), ['AlarmCleared']);
  assert.deepEqual(assetView(without.state).alarms, {});
  assert.equal(without.state.decided.alarms.get('hot')?.occurrence?.name, 'Too hot');
  assert.equal(without.start(6000).events.length, 1);
});

test('a changed limit counts from the next reading on', () => {
  const pump = up();
  pump.observe(frame(0, { temperature: 90 }));
  const changed = new Bench(assetKind, ID, asset({ rules: [rule({ when: { above: 95 } })] }), pump.encode()).start(500);
  assert.deepEqual(kinds(changed.events), []);
  assert.deepEqual(kinds(changed.observe(frame(1000, { temperature: 91 }))), ['AlarmCleared']);
});

test('taken out of service an alarm is counted in no list until it is returned', () => {
  const pump = up();
  pump.observe(frame(0, { temperature: 90 }));
  pump.command(1000, {
    kind: 'TakeAlarmOutOfService',
    rule: 'hot',
    reason: 'sensor swap',
    workOrder: 'WO-20260501-00001',
  });
  assert.equal(alarmOf(pump)?.state, 'SUPPRESSED');
  assert.equal(assetView(pump.state).props.alarmsActive, 0);
  pump.command(2000, { kind: 'ReturnAlarmToService', rule: 'hot' });
  assert.equal(assetView(pump.state).props.alarmsActive, 1);
  assert.equal(assetView(pump.state).props.worstSeverity, 'HIGH');
  assert.equal(alarmOf(pump)?.raisedAtMs, T0);
});

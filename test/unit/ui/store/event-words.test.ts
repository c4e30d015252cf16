import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventTitle, eventWords } from '../../../../ui/store/event-words.ts';
import { anAlarm } from '../alarms-at-hand.ts';

test('an alarm tells its name and message, and no colon where there is no message', () => {
  assert.equal(eventWords('AlarmRaised', {}, anAlarm()), 'Hot: Too hot');
  assert.equal(eventWords('AlarmRaised', {}, anAlarm({ message: '' })), 'Hot');
  assert.equal(eventWords('AlarmShelved', { reason: 'sensor is replaced' }, anAlarm()), 'Hot: sensor is replaced');
  assert.equal(eventWords('AlarmCleared', { reason: 'condition_gone' }, anAlarm()), 'Hot: condition gone');
});

test('devices, work orders and writes tell what became of them', () => {
  assert.equal(eventWords('DeviceOffline', { reason: 'connection_lost', detail: null }, null), 'the connection broke');
  assert.equal(
    eventWords('LinkLost', { reason: 'connection_refused', detail: 'broker:1883' }, null),
    'the connection is refused: broker:1883',
  );
  assert.equal(
    eventWords('CertificateSeen', { whose: 'server', subject: 'CN=plc', thumbprint: 'AB' }, null),
    'of the server: CN=plc',
  );
  assert.equal(
    eventWords(
      'WorkOrderTransitioned',
      { from: 'in_progress', to: 'on_hold', holdReason: 'awaiting_parts', note: 'bearing' },
      null,
    ),
    'in progress → on hold: awaiting parts, bearing',
  );
  assert.equal(
    eventWords('ReadingGap', { actualGapMs: 63_000, missingSamples: 62 }, null),
    'no reading for 1 min, 62 missing',
  );
  assert.equal(eventWords('WriteRequested', { point: 'speed_limit', value: 80 }, null), 'speed limit = 80.00');
  assert.equal(eventWords('ChecklistItemSkipped', { index: 0, reason: 'no camera' }, null), 'item 1: no camera');
});

test('who came in and who was turned away stands in words, with the address and how often', () => {
  assert.equal(eventTitle('LogInRefused'), 'Log-in refused');
  assert.equal(
    eventWords('LoggedIn', { role: 'operator', address: '10.0.0.7', times: 1 }, null),
    'operator, from 10.0.0.7',
  );
  assert.equal(
    eventWords('LogInRefused', { code: 'TOKEN_EXPIRED', address: null, times: 12 }, null),
    'token expired, on the machine itself, 12 times',
  );
  assert.equal(
    eventWords('PermissionRefused', { wanted: 'POST /api/v1/tokens', reason: 'needs token:manage', times: 1 }, null),
    'POST /api/v1/tokens: needs token:manage',
  );
});

test('who had what restarted stands in words', () => {
  assert.equal(eventTitle('EntityRestarted'), 'Restarted');
  const event = { entity: 'asset/pump-1', outcome: 'live', address: '10.0.0.7', tokenId: 't' };
  assert.equal(eventWords('EntityRestarted', event, null), 'pump-1: live, from 10.0.0.7');
});

test('an event of a kind or a shape that is not known never breaks the page', () => {
  assert.equal(eventWords('SomethingNew', { reason: 'not_yet_known' }, null), 'not yet known');
  for (const event of [null, 'text', 7, [], { from: 3 }]) {
    for (const kind of ['AlarmRaised', 'AssetStatusChanged', 'WorkOrderEdited', 'TokenCreated', 'Other']) {
      assert.equal(typeof eventWords(kind, event, event), 'string');
    }
  }
});

test('rules of the API tell what became of them, and whom they are for', () => {
  const rule = { name: 'Slow', active: true };
  const nameOf = (entity: string) => (entity === 'asset/p-1' ? 'Pump 1' : entity);
  assert.equal(eventWords('RuleCreated', { rule, assets: ['p-1'] }, null), 'Slow: 1 asset');
  assert.equal(
    eventWords('RuleChanged', { rule: { ...rule, active: false }, assets: ['a', 'b'] }, null),
    'Slow: switched off',
  );
  assert.equal(
    eventWords('RuleReassigned', { added: ['p-1'], removed: [], gone: ['p-2'] }, null, nameOf),
    'new: Pump 1; no longer: asset/p-2',
  );
  assert.equal(eventWords('RuleConfirmed', { asset: 'p-1' }, null, nameOf), 'by Pump 1');
  assert.equal(eventWords('RuleAdopted', { rule }, null), 'Slow');
  assert.equal(eventWords('RuleDropped', { id: 'slow' }, null), 'slow');
});

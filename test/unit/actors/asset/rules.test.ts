import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assetKind } from '../../../../actors/asset/asset.ts';
import { assetView } from '../../../../actors/asset/view.ts';
import { entityId } from '../../../../runtime/ids.ts';
import type { AssetDefinition } from '../../../../topology/plant.ts';
import { asset, Bench, frame, rule, T0 } from '../plant.ts';

const ID = entityId('asset', 'pump-1');

function up(over: Partial<AssetDefinition> = {}) {
  return new Bench(assetKind, ID, asset(over)).start();
}

function kinds(events: readonly { readonly kind: string }[]): string[] {
  return events.map((event) => event.kind);
}

test('an alarm is raised in the turn in which the reading arrives, and tells what an operator needs', () => {
  const pump = up();
  assert.deepEqual(kinds(pump.observe(frame(0, { temperature: 70 }))), []);
  assert.deepEqual(kinds(pump.observe(frame(1000, { temperature: 81.25 }))), ['AlarmRaised']);
  const alarm = assetView(pump.state).alarms.hot;
  assert.equal(alarm?.state, 'ACTIVE');
  assert.equal(alarm?.detail, 'ACTIVE_UNACK');
  assert.equal(alarm?.message, 'temperature 81.25 °C, above 80 °C');
  assert.equal(alarm?.raisedAtMs, T0 + 1000);
  assert.equal(alarm?.value, 81.25);
  assert.equal(alarm?.threshold, 80);
});

test('a value at the limit of above does not raise', () => {
  assert.deepEqual(kinds(up().observe(frame(0, { temperature: 80 }))), []);
});

test('with an on-delay the alarm is raised by the clock when no further reading comes', () => {
  const pump = up({ rules: [rule({ durationSeconds: 1.5 })] });
  assert.deepEqual(pump.observe(frame(0, { temperature: 90 })), []);
  assert.equal(pump.dueMs(), 1500);
  assert.deepEqual(pump.due(1499), []);
  assert.deepEqual(kinds(pump.due(1500)), ['AlarmRaised']);
});

test('a dip below the limit begins the on-delay anew', () => {
  const pump = up({ rules: [rule({ durationSeconds: 2 })] });
  pump.observe(frame(0, { temperature: 90 }));
  pump.observe(frame(1000, { temperature: 79 }));
  assert.deepEqual(pump.observe(frame(2000, { temperature: 90 })), []);
  assert.deepEqual(pump.observe(frame(3000, { temperature: 90 })), []);
  assert.deepEqual(kinds(pump.observe(frame(4000, { temperature: 90 }))), ['AlarmRaised']);
});

test('inside the deadband an alarm neither clears nor is raised again', () => {
  const pump = up({ rules: [rule({ deadband: 5 })] });
  pump.observe(frame(0, { temperature: 90 }));
  assert.deepEqual(pump.observe(frame(1000, { temperature: 76 })), []);
  assert.deepEqual(kinds(pump.observe(frame(2000, { temperature: 75 }))), ['AlarmCleared']);
});

test('with an off-delay the alarm clears when the condition stayed away for so long', () => {
  const pump = up({ rules: [rule({ offDelaySeconds: 1 })] });
  pump.observe(frame(0, { temperature: 90 }));
  pump.observe(frame(500, { temperature: 70 }));
  pump.observe(frame(1000, { temperature: 90 }));
  assert.deepEqual(pump.observe(frame(1400, { temperature: 70 })), []);
  assert.deepEqual(kinds(pump.runTo(2400)), ['AlarmCleared']);
});

test('an alarm tells the quality of the value that raised it', () => {
  const pump = up();
  pump.observe(frame(0, { temperature: 95 }, { quality: ['SUSPECT'], reasons: ['rate'] }));
  assert.equal(assetView(pump.state).alarms.hot?.quality, 'SUSPECT');
  const back = new Bench(assetKind, ID, asset(), pump.encode());
  assert.equal(assetView(back.state).alarms.hot?.quality, 'SUSPECT');
  const sure = up();
  sure.observe(frame(0, { temperature: 95 }));
  assert.equal(assetView(sure.state).alarms.hot?.quality, 'GOOD');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnitHealth } from '../../../../gateways/modbus/unit-health.ts';

test('the first silent cycle makes a unit offline and the third degrades it', () => {
  const health = new UnitHealth(3);
  health.answered();
  assert.deepEqual(health.cycleFailed('timeout'), { wentOffline: true, degrades: false });
  assert.deepEqual(health.cycleFailed('timeout'), { wentOffline: false, degrades: false });
  assert.deepEqual(health.cycleFailed('timeout'), { wentOffline: false, degrades: true });
  assert.deepEqual(health.cycleFailed('timeout'), { wentOffline: false, degrades: false });
  assert.equal(health.state, 'degraded');
});

test('one answer makes it online again and forgets the failures', () => {
  const health = new UnitHealth(2);
  health.cycleFailed('timeout');
  health.cycleFailed('timeout');
  assert.equal(health.answered(), true);
  assert.equal(health.answered(), false);
  assert.deepEqual(health.cycleFailed('timeout'), { wentOffline: true, degrades: false });
});

test('a lost link is told once and does not change why a silent unit is offline', () => {
  const health = new UnitHealth(3);
  health.answered();
  assert.equal(health.unreachable('connection_lost'), true);
  assert.equal(health.unreachable('connection_refused'), false);
  assert.equal(health.cycleFailed('timeout').wentOffline, true);
  assert.equal(health.unreachable('connection_lost'), false);
});

test('a degraded unit stays degraded when the link goes', () => {
  const health = new UnitHealth(1);
  health.cycleFailed('timeout');
  health.unreachable('connection_lost');
  assert.equal(health.state, 'degraded');
});

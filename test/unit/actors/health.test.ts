import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HealthInput, healthLevel, healthOf } from '../../../actors/health.ts';

const DAY = 86_400_000;
const NOW = 1_800_000_000_000;
const NOTHING: HealthInput = {
  alarms: null,
  orders: null,
  telemetry: [],
  installedAtMs: null,
  expectedLifeYears: null,
  maintainedAtMs: null,
  maintenanceIntervalDays: null,
  nowMs: NOW,
};

test('where there is nothing to judge by there is no score', () => {
  assert.deepEqual(healthOf(NOTHING), {
    score: null,
    breakdown: { alarms: null, workOrders: null, telemetry: null, age: null, maintenance: null },
  });
});

test('an asset without a fault has 100', () => {
  assert.equal(healthOf({ ...NOTHING, alarms: [], telemetry: ['GOOD', 'GOOD'], orders: [] }).score, 100);
});

test('a critical alarm shows, however well the sensors answer', () => {
  const critical = [{ severity: 'CRITICAL', detail: 'ACTIVE_ACK', hidden: false }] as const;
  const { score, breakdown } = healthOf({ ...NOTHING, alarms: critical, telemetry: ['GOOD'], orders: [] });
  assert.equal(breakdown.alarms, 20);
  assert.ok(score !== null && score < 50, `score ${score}`);
});

test('an alarm that is gone or hidden takes nothing', () => {
  const alarms = [
    { severity: 'CRITICAL', detail: 'RTN_UNACK', hidden: false },
    { severity: 'CRITICAL', detail: 'ACTIVE_UNACK', hidden: true },
  ] as const;
  assert.equal(healthOf({ ...NOTHING, alarms }).score, 100);
});

test('telemetry is the mean of its metrics', () => {
  assert.equal(healthOf({ ...NOTHING, telemetry: ['GOOD', 'stale', 'SUSPECT', 'BAD'] }).breakdown.telemetry, 44);
});

test('age falls to nothing at the end of the expected life, maintenance when it is an interval late', () => {
  const half = { ...NOTHING, installedAtMs: NOW - 5 * 365.25 * DAY, expectedLifeYears: 10 };
  assert.equal(healthOf(half).breakdown.age, 50);
  const late = (days: number) =>
    healthOf({ ...NOTHING, maintainedAtMs: NOW - days * DAY, maintenanceIntervalDays: 100 }).breakdown.maintenance;
  assert.deepEqual([late(0), late(100), late(150), late(200), late(900)], [100, 100, 50, 0, 0]);
});

test('open orders count, one that holds the asset down more', () => {
  assert.equal(healthOf({ ...NOTHING, orders: [{ down: false }, { down: true }] }).breakdown.workOrders, 35);
});

test('the level of a score follows the thresholds of the profile', () => {
  const levels = [29, 30, 60, 80, null].map((score) => healthLevel(score, { critical: 30, warning: 60, good: 80 }));
  assert.deepEqual(levels, ['critical', 'warning', 'fair', 'good', null]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { dropsFor, usedShare } from '../../../../runtime/edge/disk-budget.ts';

const roomy = { diskBytes: 1000, diskFreeBytes: 900 };

test('nothing goes up to nine tenths of the budget', () => {
  const classes = [{ name: 'logs', bytes: 1000 }];
  assert.deepEqual(dropsFor({ usedBytes: 90, budgetBytes: 100, ...roomy }, classes), []);
  assert.deepEqual(dropsFor({ usedBytes: 91, budgetBytes: 100, ...roomy }, classes), [{ name: 'logs', bytes: 6 }]);
});

test('the least important goes first, the next one only for what is left, and what is in no class stays', () => {
  const classes = [
    { name: 'logs', bytes: 3 },
    { name: 'events', bytes: 0 },
    { name: 'telemetry', bytes: 50 },
  ];
  assert.deepEqual(dropsFor({ usedBytes: 95, budgetBytes: 100, ...roomy }, classes), [
    { name: 'logs', bytes: 3 },
    { name: 'telemetry', bytes: 7 },
  ]);
});

test('a disk that others have filled counts like our own budget', () => {
  const classes = [{ name: 'telemetry', bytes: 100 }];
  const use = { usedBytes: 10, budgetBytes: 10_000, diskBytes: 1000, diskFreeBytes: 50 };
  assert.equal(usedShare(use), 0.95);
  assert.deepEqual(dropsFor(use, classes), [{ name: 'telemetry', bytes: 100 }]);
});

test('afterwards less than 85 % is used, or nothing is left that may go', () => {
  const sizes = fc.integer({ min: 0, max: 1000 });
  fc.assert(
    fc.property(sizes, sizes, sizes, fc.integer({ min: 1, max: 3000 }), (logs, events, telemetry, budgetBytes) => {
      const kept = 100;
      const usedBytes = logs + events + telemetry + kept;
      const use = { usedBytes, budgetBytes, diskBytes: 1e6, diskFreeBytes: 9e5 };
      const classes = [
        { name: 'logs', bytes: logs },
        { name: 'events', bytes: events },
        { name: 'telemetry', bytes: telemetry },
      ];
      const drops = dropsFor(use, classes);
      const dropped = drops.reduce((sum, { bytes }) => sum + bytes, 0);
      if (usedBytes / budgetBytes <= 0.9) assert.equal(dropped, 0);
      else assert.ok(usedBytes - dropped <= budgetBytes * 0.85 || dropped === usedBytes - kept);
      for (const { name, bytes } of drops) assert.ok(bytes <= (classes.find((one) => one.name === name)?.bytes ?? 0));
    }),
  );
});

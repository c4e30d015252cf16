import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plant } from '../../../topology/plant.ts';
import { load, problemsOf, SOUND, spoil } from './sample.ts';

function plantOf(text: string): Plant {
  const result = load(text);
  assert.ok(result.ok, JSON.stringify(problemsOf(result), null, 1));
  return result.plant;
}

test('children are flattened with site, path, level and parent', () => {
  const { assets, sites } = plantOf(SOUND);
  const pump = assets.get('pump-1');
  assert.ok(pump);
  assert.deepEqual([pump.site, pump.siteName, pump.timeZone], ['works', 'Works', 'Europe/Berlin']);
  assert.deepEqual([pump.parent, pump.path, pump.level, pump.children], ['hall', ['Hall'], 2, []]);
  assert.deepEqual(assets.get('hall')?.children, ['pump-1']);
  assert.deepEqual(sites.get('works')?.assets, ['hall', 'cabinet', 'pump-1']);
  assert.deepEqual(sites.get('works')?.devices, ['plc', 'meter-1', 'meter-2']);
});

test('an asset takes its profile, and what it says itself comes first', () => {
  const text = spoil(
    '        profile: pump\n',
    '        profile: pump\n        metrics: [{ name: temp, unit: °C, decimals: 3 }]\n        rules: [{ id: hot, name: Very hot, metric: temp, when: { above: 95 } }]\n',
  );
  const pump = plantOf(text).assets.get('pump-1');
  assert.deepEqual(
    pump?.metrics.map(({ name }) => name),
    ['flow', 'temp', 'running', 'label', 'specific'],
  );
  assert.equal(pump?.metrics[1]?.decimals, 3);
  assert.deepEqual(
    pump?.rules.map(({ id, name }) => [id, name]),
    [
      ['hot', 'Very hot'],
      ['lost', 'Lost'],
    ],
  );
  assert.equal(pump?.profile, 'pump');
});

test('every asset knows all templates of work orders, which rules of the API may name', () => {
  const { assets } = plantOf(SOUND);
  for (const { workOrderTemplates } of assets.values()) assert.deepEqual(Object.keys(workOrderTemplates), ['look']);
});

test('a link without metrics maps the points that have the name of a metric, computed ones left out', () => {
  const pump = plantOf(SOUND).assets.get('pump-1');
  assert.deepEqual(
    pump?.links[0]?.mappings.map(({ metric, point }) => [metric, point]),
    [
      ['flow', 'flow'],
      ['temp', 'temp'],
      ['running', 'running'],
      ['label', 'label'],
    ],
  );
});

test('validity and scale of a link become numbers', () => {
  const text = spoil(
    '{ device: meter-1 }',
    '{ device: meter-1, validFrom: "2026-01-01T01:00:00+01:00", metrics: { voltage: { point: voltage, scale: 2 } } }',
  );
  const link = plantOf(text).assets.get('cabinet')?.links[0];
  assert.equal(link?.validFromMs, Date.UTC(2026, 0, 1));
  assert.equal(link?.validUntilMs, null);
  assert.deepEqual(link?.mappings, [{ metric: 'voltage', point: 'voltage', scale: 2, offset: 0, staleAfterMs: 4000 }]);
});

test('offline after three expected intervals but at least 3 s, stale after two but at least 2 s', () => {
  const { devices, assets } = plantOf(SOUND);
  const plc = devices.get('plc');
  const meter = devices.get('meter-1');
  assert.deepEqual([plc?.expectedIntervalMs, plc?.offlineAfterMs, plc?.points[0]?.staleAfterMs], [1000, 3000, 2000]);
  assert.deepEqual(
    [meter?.expectedIntervalMs, meter?.offlineAfterMs, meter?.points[0]?.staleAfterMs],
    [2000, 6000, 4000],
  );
  assert.equal(assets.get('cabinet')?.links[0]?.mappings[0]?.staleAfterMs, 4000);
});

test('a metric is stale when its point is, not when another point of the device would be', () => {
  const text = spoil(
    '{ name: temp, unit: °C, modbus: { address: 1 } }',
    '{ name: temp, unit: °C, modbus: { address: 1, pollMs: 60000 } }',
  );
  const slow = spoil(
    'range: { min: 0, max: 300 }, modbus',
    'range: { min: 0, max: 300 }, staleAfterMs: 9000, modbus',
    text,
  );
  const { mappings } = plantOf(slow).assets.get('pump-1')?.links[0] ?? assert.fail();
  const staleAfterMs = Object.fromEntries(mappings.map((mapping) => [mapping.metric, mapping.staleAfterMs]));
  assert.deepEqual([staleAfterMs.temp, staleAfterMs.flow, staleAfterMs.running], [120_000, 9000, 2000]);
});

test('a device that is polled slowly and says no more is expected as slowly', () => {
  const text = spoil(
    'expectedIntervalMs: 1000\n    modbus: { unit: 1, pollMs: 1000 }',
    'modbus: { unit: 1, pollMs: 7000 }',
  );
  const plc = plantOf(text).devices.get('plc');
  assert.deepEqual([plc?.expectedIntervalMs, plc?.offlineAfterMs], [7000, 21_000]);
});

test('a device knows its driver, its driver settings and the assets linked to it', () => {
  const { devices, connections } = plantOf(SOUND);
  assert.equal(devices.get('plc')?.modbus?.degradeAfter, 3);
  assert.deepEqual(devices.get('meter-1')?.mqtt, {});
  assert.equal(devices.get('meter-1')?.modbus, undefined);
  assert.deepEqual(devices.get('plc')?.linkedAssets, ['pump-1']);
  assert.deepEqual(
    connections.get('broker')?.devices.map(({ id }) => id),
    ['meter-1', 'meter-2'],
  );
});

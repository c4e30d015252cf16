import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Commissioning } from '../../../gateways/commissioning.ts';
import type { Driver } from '../../../gateways/driver.ts';
import type { ConnectionDefinition } from '../../../topology/plant.ts';
import { until } from '../../support/condition.ts';
import { MemoryRuntime } from '../../support/memory-runtime.ts';
import { mqttConnection, mqttDevice } from '../../support/mqtt-plant.ts';

const log = { debug() {}, info() {}, warn() {}, error() {} };
const DEFINITION = mqttConnection({ url: 'embedded:0' }, [mqttDevice('a', []), mqttDevice('b', [])]);
const out = (definition: ConnectionDefinition | undefined) =>
  definition?.devices.filter(({ decommissioned }) => decommissioned).map(({ id }) => id);

function scene() {
  const runtime = new MemoryRuntime();
  const given: ConnectionDefinition[] = [];
  const holds: (() => void)[] = [];
  const driver: Driver = {
    start() {},
    stop: async () => {},
    write: async ({ writeId }) => ({ writeId, state: 'failed' }),
    reconfigure: (definition) => {
      given.push(definition);
      return new Promise((resolve) => holds.push(resolve));
    },
  };
  const start = () => {
    const commissioning = new Commissioning(runtime.live, [DEFINITION], log);
    commissioning.attach('broker', driver);
    return commissioning;
  };
  return { runtime, given, holds, start };
}

function flushed(runtime: MemoryRuntime): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = runtime.live.onFlush(() => {
      unsubscribe();
      resolve();
    });
  });
}

describe('what is in service on a connection', () => {
  it('is told to its driver at an order, the other devices as the same objects', async () => {
    const { runtime, given, holds, start } = scene();
    const commissioning = start();
    assert.equal(commissioning.definition('broker'), DEFINITION);
    const shows = (device: string, decommissioned: boolean) => runtime.set(device, { props: { decommissioned } });
    shows('device/a', true);
    shows('device/b', false);
    shows('device/elsewhere', true);
    await until('the driver is told', () => given.length === 1);
    assert.deepEqual(given.map(out), [['a']]);
    assert.equal(given[0]?.devices[1], DEFINITION.devices[1]);
    shows('device/b', true);
    await flushed(runtime);
    shows('device/a', false);
    await flushed(runtime);
    assert.equal(given.length, 1, 'one change after the other');
    holds[0]?.();
    await until('it is told of what came meanwhile', () => given.length === 2);
    assert.deepEqual(given.map(out), [['a'], ['b']], 'only the newest counts');
    holds[1]?.();
    await commissioning.stop();
    shows('device/b', false);
    await flushed(runtime);
    assert.equal(given.length, 2);
  });

  it('is what was ordered before a restart', async () => {
    const { runtime, start } = scene();
    runtime.set('device/b', { props: { decommissioned: true } });
    await flushed(runtime);
    assert.deepEqual(out(start().definition('broker')), ['b']);
  });
});

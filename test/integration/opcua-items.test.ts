import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Bench, connection, until } from './opcua-support.ts';

const VARIABLES = [{ nodeId: 's=T1.Speed', dataType: 'Double' }] as const;
const LATE = { nodeId: 's=T1.Late', dataType: 'Double' } as const;
const RETRY_MS = 400;

describe('a node that the server does not have', () => {
  let bench: Bench;

  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => bench.close());

  it('is asked for again at its interval, told once, and heals when it appears, without a new subscription', async () => {
    const server = await bench.server({ variables: VARIABLES });
    const host = bench.host();
    const points = [
      { name: 'speed', opcua: { node: 'T1.Speed', samplingMs: 50 } },
      { name: 'late', opcua: { node: 'T1.Late', samplingMs: 50 } },
    ];
    bench.driver(connection(server.port, [{ id: 'turbine-1', points }]), host, { retryItemsMs: RETRY_MS });
    await until(() => host.reading('turbine-1', 'late') !== null, 'the refused point');
    assert.equal(host.reading('turbine-1', 'late')?.reason, 'opcua_BadNodeIdUnknown');
    await until(() => host.facts.failedItems === 1, 'the failed item in the report');
    // Some tries on: the value of the sound point moves meanwhile.
    for (let speed = 1; speed <= 5; speed += 1) {
      await server.set('s=T1.Speed', speed);
      await until(() => host.reading('turbine-1', 'speed')?.value === speed, `speed ${speed}`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    assert.equal(host.readings('turbine-1', 'late').length, 1, 'the refusal is told once');
    assert.equal(host.errorCount('opcua_item_not_monitored'), 1);

    await server.add(LATE);
    await server.set('s=T1.Late', 42);
    await until(() => host.reading('turbine-1', 'late')?.value === 42, 'the value of the node that came late');
    assert.equal(host.reading('turbine-1', 'late')?.quality, 'GOOD');
    await until(() => host.facts.failedItems === 0, 'no failed item');
    assert.equal(host.facts.subscriptionsCreated, 1);
    assert.equal(host.facts.sessionsCreated, 1);
  });

  it('brings its device online when it was the only one', async () => {
    const server = await bench.server({ variables: VARIABLES });
    const host = bench.host();
    const late = { id: 'late', points: [{ name: 'late', opcua: { node: 'T1.Late', samplingMs: 50 } }] };
    bench.driver(connection(server.port, [late]), host, { retryItemsMs: RETRY_MS });
    await until(() => host.lastConnectivity('late')?.reason === 'opcua_no_valid_nodes', 'the device offline');
    await server.add(LATE);
    await until(() => host.lastConnectivity('late')?.state === 'online', 'the device online');
  });
});

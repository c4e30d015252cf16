/**
 * Goal: a log that takes its time costs neither the subscription nor anybody else, and afterwards nothing is missing that the
 * server could keep.
 * Method: the promise of `ingest` is held for several lifetimes of the subscription; a second link goes on beside it.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Bench, connection, until } from './opcua-support.ts';

const VARIABLES = [{ nodeId: 's=T1.Count', dataType: 'Int32' }] as const;
const DEVICES = [
  { id: 'turbine-1', points: [{ name: 'count', opcua: { node: 'T1.Count', samplingMs: 50, queueSize: 100 } }] },
];
/** A lifetime of 5 s, the shortest that the server grants. */
const SHORT = { publishingIntervalMs: 100, maxKeepAliveCount: 3, lifetimeCount: 50 };
const LIFETIMES = 2;

describe('while the log does not take anything', () => {
  let bench: Bench;

  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => bench.close());

  it('the subscription lives on, other links are not held up, and every queued value comes in the end', async () => {
    const server = await bench.server({ variables: VARIABLES });
    const host = bench.host();
    const beside = bench.host();
    bench.driver(connection(server.port, DEVICES, SHORT), host);
    bench.driver(connection(server.port, DEVICES, SHORT), beside);
    await until(() => host.reading('turbine-1', 'count') !== null, 'the first value');
    await until(() => beside.reading('turbine-1', 'count') !== null, 'the first value of the other link');
    await until(() => host.state === 'connected', 'the link connected');
    assert.equal(host.facts.lifetimeCount, SHORT.lifetimeCount);

    let open = (): void => undefined;
    host.gate = new Promise((resolve) => {
      open = resolve;
    });
    const lifetimeMs = SHORT.publishingIntervalMs * SHORT.lifetimeCount;
    const untilMs = Date.now() + LIFETIMES * lifetimeMs;
    let count = 0;
    while (Date.now() < untilMs) {
      count += 1;
      await server.set('s=T1.Count', count);
      await until(() => beside.reading('turbine-1', 'count')?.value === count, `${count} over the other link`);
      // Each value must be sampled before the next one comes: the server samples every 50 ms.
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    assert.deepEqual(
      host.readings('turbine-1', 'count').map(({ value }) => value),
      [0],
    );
    assert.ok(host.offered <= 20, `${host.offered} frames wait for the log: no bound`);
    assert.equal(host.state, 'connected');

    open();
    await until(() => host.reading('turbine-1', 'count')?.value === count, 'the newest value');
    assert.deepEqual(
      host.readings('turbine-1', 'count').map(({ value }) => value),
      Array.from({ length: count + 1 }, (_, i) => i),
    );
    assert.equal(host.facts.subscriptionsCreated, 1);
    assert.equal(host.errorCount('opcua_subscription_lost'), 0);
  });
});

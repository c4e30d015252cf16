import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Senders } from '../../../../gateways/mqtt/senders.ts';

const INTERVAL_MS = 1000;

/** Two clients that have stayed for a while, with two devices each. */
function twoClients(): Senders {
  const senders = new Senders(() => INTERVAL_MS);
  for (const client of ['a', 'b']) {
    senders.connected(client, 0);
    for (const n of [1, 2]) senders.spoke(client, `${client}${n}`);
  }
  return senders;
}

test('the devices of a client that left are named after a while, and of no other', () => {
  const senders = twoClients();
  senders.gone('a', 10_000);
  assert.equal(senders.settle(12_499), null);
  assert.deepEqual(senders.settle(12_500), { kind: 'some', devices: ['a1', 'a2'] });
  assert.equal(senders.settle(20_000), null, 'once');
});

test('when the last of them has left they are gone together, those who went last not one by one afterwards', () => {
  const senders = twoClients();
  senders.gone('a', 10_000);
  senders.gone('b', 11_000);
  assert.deepEqual(senders.settle(12_500), { kind: 'all' });
  assert.equal(senders.settle(20_000), null);
});

test('somebody who only listens is nobody who is left', () => {
  const senders = twoClients();
  senders.connected('monitor', 5000);
  senders.gone('a', 10_000);
  senders.gone('b', 10_000);
  assert.deepEqual(senders.settle(12_500), { kind: 'all' });
});

test('a client that comes back in time is not missed, and one that only comes and goes is', () => {
  const back = twoClients();
  back.gone('a', 10_000);
  back.connected('a', 11_000);
  assert.equal(back.settle(13_000), null, 'it has until it goes again');
  back.spoke('a', 'a1');
  back.spoke('a', 'a2');
  assert.equal(back.settle(20_000), null);
  const flapping = twoClients();
  flapping.gone('a', 10_000);
  for (let atMs = 10_500; atMs < 12_000; atMs += 500) {
    flapping.connected('a', atMs);
    flapping.gone('a', atMs + 100);
  }
  assert.deepEqual(flapping.settle(12_500), { kind: 'some', devices: ['a1', 'a2'] });
});

test('a device that another client speaks for by now is not gone', () => {
  const senders = twoClients();
  senders.gone('a', 10_000);
  senders.spoke('b', 'a1');
  assert.deepEqual(senders.settle(12_500), { kind: 'some', devices: ['a2'] });
});

test('a client that connects for each message goes every time, and says nothing by it', () => {
  const senders = twoClients();
  senders.connected('battery', 20_000);
  senders.spoke('battery', 'cell');
  senders.gone('battery', 20_100);
  assert.equal(senders.settle(30_000), null);
});

test('whom we cut off ourselves has not left', () => {
  const senders = twoClients();
  senders.forget('a');
  assert.equal(senders.settle(30_000), null);
});

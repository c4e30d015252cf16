import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CARRIER_DEFAULTS, type CarrierOptions, LogCarrier } from '../../../../gateways/historian/log-carrier.ts';
import type { LoggedRecord, SampleStore } from '../../../../gateways/historian/sample-store.ts';
import { entityId } from '../../../../runtime/ids.ts';
import { until } from '../../../support/condition.ts';
import { MemoryLog } from '../../../support/memory-log.ts';

const PLC = entityId('device', 'plc-1');
const records = (count: number) => Array.from({ length: count }, (_, n) => ({ source: PLC, observation: { n } }));

/** A server that takes so many records at once, and fails while it is told to. */
class FakeStore implements SampleStore {
  readonly batches: number[] = [];
  readonly connects: number[] = [];
  position = 0;
  failing = false;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }
  async connect() {
    this.connects.push(performance.now());
    if (this.failing) throw new Error('away');
    return this.position;
  }
  async store(given: readonly LoggedRecord[]) {
    if (this.failing) throw new Error('away');
    const taken = given.slice(0, this.#most);
    this.batches.push(taken.length);
    this.position = taken.at(-1)?.position ?? this.position;
    return { position: this.position, readings: taken.length, ignored: 0, refused: 0 };
  }
  async settle() {}
  async raw() {
    return [];
  }
  async windows() {
    return [];
  }
  async trim() {}
  async extent() {
    return {};
  }
  async close() {}
}

/** Nothing here is to happen because a minute has passed. */
const PATIENT = { pollIntervalMs: 60_000, writeIntervalMs: 60_000 };

function carry(t: TestContext, log: MemoryLog, store: SampleStore, options: Partial<CarrierOptions>): LogCarrier {
  const carrier = new LogCarrier(log, store, { ...CARRIER_DEFAULTS, ...options });
  t.after(() => carrier.close());
  return carrier;
}

test('what a store leaves of a batch follows at once', { timeout: 20_000 }, async (t) => {
  const log = new MemoryLog();
  await log.append(records(25));
  const store = new FakeStore(10);
  const carrier = carry(t, log, store, PATIENT);
  await carrier.caughtUp(25);
  assert.deepEqual(store.batches, [10, 10, 5]);
});

test('no more is read at once than a batch', { timeout: 20_000 }, async (t) => {
  const log = new MemoryLog();
  await log.append(records(25));
  const store = new FakeStore(1000);
  const carrier = carry(t, log, store, { ...PATIENT, batchRecords: 10 });
  await carrier.caughtUp(25);
  assert.deepEqual(store.batches, [10, 10, 5]);
});

test('a store that fails is tried again ever more rarely, whatever the log says meanwhile', {
  timeout: 20_000,
}, async (t) => {
  const log = new MemoryLog();
  const store = new FakeStore(1000);
  store.failing = true;
  const carrier = carry(t, log, store, { firstRetryMs: 20, maxRetryMs: 160 });
  const knocking = setInterval(() => carrier.advance(), 1);
  t.after(() => clearInterval(knocking));
  await until('it was tried some times', () => store.connects.length >= 6);
  const pauses = store.connects.slice(1).map((at, index) => at - (store.connects[index] ?? 0));
  // Half of the pause is chance: 10 to 20, 20 to 40, 40 to 80, then 80 to 160 ms.
  assert.ok((pauses[0] ?? 0) >= 9 && (pauses[3] ?? 0) >= 79 && (pauses[4] ?? 0) >= 79, String(pauses));
  assert.equal(carrier.state.problem, 'away');
  assert.equal(carrier.state.connected, false);
  store.failing = false;
  await log.append(records(3));
  await carrier.caughtUp(3);
  assert.equal(carrier.state.problem, null);
});

test('closing ends a pause, and whoever waits is told', { timeout: 20_000 }, async (t) => {
  const store = new FakeStore(1000);
  store.failing = true;
  const log = new MemoryLog();
  await log.append(records(3));
  const carrier = carry(t, log, store, { firstRetryMs: 60_000, maxRetryMs: 60_000 });
  const waiting = assert.rejects(carrier.caughtUp(3), { code: 'STORE_CLOSED' });
  await until('it has failed', () => carrier.state.problem !== null);
  await carrier.close();
  await waiting;
});

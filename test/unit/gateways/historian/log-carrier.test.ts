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
  /** First position of each batch, as it came. */
  readonly firsts: number[] = [];
  /** Writes end when this does. */
  held: Promise<void> | undefined;
  /** Positions in the order in which they were kept. */
  readonly kept: number[] = [];
  failing = false;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }
  async connect() {
    this.connects.push(performance.now());
    if (this.failing) throw new Error('away');
    return this.position();
  }
  async position() {
    if (this.failing) throw new Error('away');
    return this.kept.at(-1) ?? 0;
  }
  async store(given: readonly LoggedRecord[]) {
    if (this.failing) throw new Error('away');
    const taken = given.slice(0, this.#most);
    this.batches.push(taken.length);
    const position = taken.at(-1)?.position ?? 0;
    this.firsts.push(taken[0]?.position ?? 0);
    await this.held;
    this.kept.push(position);
    return { position, readings: taken.length, ignored: 0, refused: 0 };
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

const QUICK = { pollIntervalMs: 5, writeIntervalMs: 1, firstRetryMs: 5, maxRetryMs: 20 };

test('who does not carry writes nothing, and knows how far the other one is', { timeout: 20_000 }, async (t) => {
  const log = new MemoryLog();
  await log.append(records(25));
  const store = new FakeStore(1000);
  const follower = carry(t, log, store, { ...QUICK, carries: false });
  await until('it has looked', () => follower.state.connected);
  assert.deepEqual(store.batches, []);
  const waiting = follower.caughtUp(25);
  const carrier = carry(t, log, store, QUICK);
  await waiting;
  assert.equal(follower.position, 25);
  assert.deepEqual(store.batches, [25]);
  assert.equal(carrier.state.carrying && !follower.state.carrying, true);
});

test('the part goes over at the position of the store, when what is on its way has arrived', {
  timeout: 20_000,
}, async (t) => {
  const log = new MemoryLog();
  await log.append(records(10));
  const store = new FakeStore(1000);
  const first = carry(t, log, store, QUICK);
  const second = carry(t, log, store, { ...QUICK, carries: false });
  await first.caughtUp(10);
  let arrive = () => {};
  store.held = new Promise((resolve) => {
    arrive = resolve;
  });
  await log.append(records(10));
  await until('a batch is on its way', () => store.firsts.length === 2);
  let isOver = false;
  const over = first.carry(false).then(() => {
    isOver = true;
  });
  await log.append(records(10));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isOver, false);
  arrive();
  await over;
  await second.carry(true);
  await second.caughtUp(30);
  assert.deepEqual(store.firsts, [1, 11, 21]);
  assert.deepEqual(store.kept, [10, 20, 30]);
});

test('one that does not know that another carries now leaves no gap, and soon goes on where that one is', {
  timeout: 20_000,
}, async (t) => {
  const log = new MemoryLog();
  const store = new FakeStore(1000);
  const deposed = carry(t, log, store, { ...QUICK, carries: false });
  await deposed.carry(true);
  const successor = carry(t, log, store, { ...QUICK, carries: false });
  await successor.carry(true);
  for (let round = 1; round <= 50; round++) {
    await log.append(records(7));
    await Promise.all([deposed.caughtUp(7 * round), successor.caughtUp(7 * round)]);
  }
  // Whoever wrote a batch began at a position that the store had.
  const known = new Set([0, ...store.kept]);
  assert.ok(store.firsts.every((first) => known.has(first - 1)));
  assert.equal(Math.max(...store.kept), 350);
});

test('one that was suspended and still believes that it carries sends nothing again that is there', {
  timeout: 20_000,
}, async (t) => {
  const log = new MemoryLog();
  await log.append(records(10));
  const store = new FakeStore(1000);
  const suspended = carry(t, log, store, { ...QUICK, pollIntervalMs: 60_000, carries: false });
  await suspended.carry(true);
  await suspended.caughtUp(10);
  const successor = carry(t, log, store, { ...QUICK, carries: false });
  await successor.carry(true);
  await log.append(records(10));
  await successor.caughtUp(20);
  await suspended.caughtUp(20);
  assert.deepEqual(store.firsts, [1, 11]);
  assert.equal(suspended.position, 20);
});

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { DeviceWrites } from '../../../gateways/device-writes.ts';
import type { Driver, WriteOutcome, WriteRequest } from '../../../gateways/driver.ts';
import type { OutletCall } from '../../../runtime/effects.ts';
import { codeOf } from '../../../runtime/errors.ts';
import { entityId } from '../../../runtime/ids.ts';
import type { AskOptions, Reply } from '../../../runtime/runtime.ts';
import { until } from '../../support/condition.ts';

const BODY = { writeId: 'w', device: 'plc', point: 'setpoint', value: 5, deadlineMs: 0 };
const LEAVE: Reply = { ok: true, result: { leftMs: 1000 }, repeated: false };
const NO_LEAVE: Reply = { ok: true, result: { leftMs: null }, repeated: false };
const DONE: Reply = { ok: true, result: null, repeated: false };
const AWAY: Reply = { ok: false, code: 'UNAVAILABLE', message: 'the journal did not answer' };
const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

interface Asked {
  readonly kind: unknown;
  readonly command: Record<string, unknown>;
  readonly commandId: string;
}

/** Writes between an actor, of which the answers are given one by one (the last one again and again), and a driver. */
function bench(t: TestContext, answers: { SendWrite?: Reply[]; ReportWrite?: Reply[] } = {}) {
  const given: Record<string, Reply[]> = { SendWrite: [LEAVE], ReportWrite: [DONE], ...answers };
  const asked: Asked[] = [];
  const sent: WriteRequest[] = [];
  const stop = new AbortController();
  t.after(() => stop.abort());
  let outcome: WriteOutcome | Error = { writeId: 'w', state: 'verified' };
  const driver: Pick<Driver, 'write'> = {
    write: async (request) => {
      sent.push(request);
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
  };
  let drivers: Driver | undefined = { start() {}, stop: async () => {}, reconfigure: async () => {}, ...driver };
  const writes = new DeviceWrites({
    runtime: {
      ask: async (_, command, { commandId }: AskOptions) => {
        assert.ok(typeof command === 'object' && command !== null && 'kind' in command);
        const kind = String(command.kind);
        asked.push({ kind, command: { ...command }, commandId });
        const left = given[kind] ?? [];
        return (left.length > 1 ? left.shift() : left[0]) ?? DONE;
      },
    },
    driverOf: () => drivers,
    log: QUIET,
    driverWithinMs: 200,
  });
  let owner = true;
  const call: OutletCall = {
    id: 'device/plc#1.0',
    entity: entityId('device', 'plc'),
    epoch: 7,
    mayAct: () => owner,
    signal: stop.signal,
  };
  return {
    writes,
    asked,
    sent,
    stop,
    run: () => writes.write(BODY, call),
    ends: (next: WriteOutcome | Error) => {
      outcome = next;
    },
    lose: () => {
      owner = false;
    },
    without: () => {
      const driver = drivers;
      drivers = undefined;
      return () => {
        drivers = driver;
      };
    },
    reported: () =>
      asked.filter(({ kind }) => kind === 'ReportWrite').map(({ command }) => [command.state, command.code]),
  };
}

test('a write is sent once it has leave, with epoch and deadline, and its outcome is told', async (t) => {
  const { writes, run, sent, asked, reported } = bench(t);
  writes.open();
  const beforeMs = performance.now();
  await run();
  const [request] = sent;
  assert.ok(request);
  assert.deepEqual([request.writeId, request.point, request.value, request.epoch], ['w', 'setpoint', 5, 7]);
  const leftMs = request.deadline.monoMs - beforeMs;
  assert.ok(leftMs >= 1000 && leftMs <= 1000 + (performance.now() - beforeMs), `${leftMs}`);
  assert.deepEqual(
    asked.map(({ kind }) => kind),
    ['SendWrite', 'ReportWrite'],
  );
  assert.deepEqual(reported(), [['verified', undefined]]);
});

test('without leave nothing is sent and nothing reported: how it ended stands in the journal', async (t) => {
  const { writes, run, sent, reported } = bench(t, { SendWrite: [NO_LEAVE] });
  writes.open();
  await run();
  assert.deepEqual([sent.length, reported()], [0, []]);
});

test('while the journal is away the question for leave is repeated, under one id, and its time runs from the first', async (t) => {
  const { writes, run, sent, asked } = bench(t, { SendWrite: [AWAY, AWAY, LEAVE] });
  writes.open();
  const beforeMs = performance.now();
  await run();
  const [first, ...others] = asked.filter(({ kind }) => kind === 'SendWrite');
  assert.equal(others.length, 2);
  assert.ok(others.every(({ commandId }) => commandId === first?.commandId));
  assert.equal(sent.length, 1);
  // Two pauses are at least 75 ms.
  assert.ok((sent[0]?.deadline.monoMs ?? 0) - beforeMs < 1000 + 60);
});

test('an outcome that the journal cannot take is told again, and the device is not written again', async (t) => {
  const { writes, run, sent, reported } = bench(t, { ReportWrite: [AWAY, { ...AWAY, code: 'TIMEOUT' }, DONE] });
  writes.open();
  await run();
  assert.equal(sent.length, 1);
  assert.equal(reported().length, 3);
});

test('an effect that is begun again asks for leave under another id: the first leave is not for it', async (t) => {
  const { writes, run, asked } = bench(t, { SendWrite: [LEAVE, NO_LEAVE] });
  writes.open();
  await run();
  await run();
  const [first, second] = asked.filter(({ kind }) => kind === 'SendWrite');
  assert.notEqual(first?.commandId, second?.commandId);
});

test('a stop gives up to report, and leaves the effect to the next start', async (t) => {
  const { writes, run, sent, stop, reported } = bench(t, { ReportWrite: [AWAY] });
  writes.open();
  const running = run();
  await until('it reports', () => reported().length > 0);
  stop.abort();
  await assert.rejects(running, (error) => codeOf(error) === 'UNAVAILABLE');
  assert.equal(sent.length, 1);
});

test('before the drivers are there a write waits, and a stop ends that', async (t) => {
  const { writes, run, asked, stop } = bench(t);
  const running = run();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(asked, []);
  stop.abort();
  await assert.rejects(running, (error) => codeOf(error) === 'STOPPED');
  writes.open();
  assert.deepEqual(asked, []);
});

test('a device without a driver, and a driver that breaks its word, are told as such', async (t) => {
  const broken = bench(t);
  broken.writes.open();
  broken.ends(new Error('a bug'));
  await broken.run();
  assert.deepEqual(broken.reported(), [['timed_out', 'no_report']]);
  const none = bench(t);
  none.writes.open();
  none.without();
  await none.run();
  assert.deepEqual(none.reported(), [['failed', 'no_driver']]);
});

test('an actor that knows nothing of the write is no reason to ask for ever', async (t) => {
  const unknown: Reply = { ok: false, code: 'UNKNOWN_WRITE', message: 'there is no write w' };
  const { writes, run, sent } = bench(t, { SendWrite: [unknown] });
  writes.open();
  await assert.rejects(run(), (error) => codeOf(error) === 'UNKNOWN_WRITE');
  assert.equal(sent.length, 0);
});

test('who has stopped owning the device asks for leave no more', async (t) => {
  const { writes, run, sent, asked, lose } = bench(t, { SendWrite: [{ ...AWAY, code: 'STALE_ROUTE' }] });
  writes.open();
  lose();
  await assert.rejects(run(), (error) => codeOf(error) === 'STALE_ROUTE');
  assert.deepEqual([sent.length, asked.length], [0, 1]);
});

test('an outcome is still told by who has stopped owning the device meanwhile: the next owner does not know it', async (t) => {
  const { writes, run, reported, lose } = bench(t, { ReportWrite: [{ ...AWAY, code: 'STALE_ROUTE' }, AWAY, DONE] });
  writes.open();
  lose();
  await run();
  assert.equal(reported().length, 3);
});

test('a write waits a moment for the driver of a device that has just come to this node', async (t) => {
  const { writes, run, sent, asked, without, reported } = bench(t);
  writes.open();
  const back = without();
  const running = run();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(asked, [], 'and has no leave meanwhile: that would be of no use to anybody else');
  back();
  await running;
  assert.equal(sent.length, 1);
  assert.deepEqual(reported(), [['verified', undefined]]);
});

/**
 * Goal: the telemetry log on NATS is a telemetry log, also where several processes write it and while its server is killed.
 * Method: a nats-server of the test's own with JetStream on file; a stream of its own for each test.
 */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { entityId } from '../../runtime/ids.ts';
import type { LogFeed, PositionedRecord, TelemetryLog } from '../../runtime/log.ts';
import type { NatsLog, NatsLogOptions } from '../../runtime/nats/nats-log.ts';
import { openNatsLog } from '../../runtime/nats/open.ts';
import { until } from '../support/condition.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { logContract, readAll, records } from './log.contract.ts';

const DAY_MS = 86_400_000;

let server: NatsServer;
let streams = 0;
before(async () => {
  if (noNats === false) server = await NatsServer.start();
});
after(async () => {
  if (noNats === false) await server.remove();
});

type Overrides = Partial<Omit<NatsLogOptions, 'link'>>;

function openOn(prefix: string, overrides: Overrides = {}): Promise<NatsLog> {
  const place = { url: server.url, name: 'test', startTimeoutMs: 10_000, prefix, replicas: 1, maxAgeMs: 30 * DAY_MS };
  return openNatsLog(place, overrides);
}

async function openLog(t: TestContext, overrides: Overrides = {}) {
  const prefix = `test-${++streams}`;
  let log = await openOn(prefix, overrides);
  t.after(() => log.close());
  return {
    log,
    prefix,
    reopen: async () => {
      await log.close();
      log = await openOn(prefix, overrides);
      return log;
    },
    /** As another process has it. */
    another: async (more: Overrides = {}) => {
      const other = await openOn(prefix, { ...overrides, ...more });
      t.after(() => other.close());
      return other;
    },
  };
}

/** Follows the log and keeps what came. */
function following(log: TelemetryLog, after = 0, wants: (source: string) => boolean = () => true) {
  const taken: PositionedRecord[] = [];
  const told: (string | undefined)[] = [];
  const feed = log.follow?.(after, {
    wants,
    take: (some) => taken.push(...some),
    interrupted: (reason) => told.push(reason),
  });
  assert.ok(feed);
  return { feed, taken, told };
}

const inOrder = (taken: readonly PositionedRecord[]) =>
  taken.every((record, index) => index === 0 || record.position > (taken[index - 1]?.position ?? 0));

const caughtUp = (log: TelemetryLog, feed: LogFeed) =>
  until('the feed is at the end', async () => feed.position >= (await log.end()), 30_000);

const sequence = (log: readonly PositionedRecord[], source: string) =>
  log.filter((record) => record.source === source).map(({ observation }) => Reflect.get(Object(observation), 'n'));

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

if (noNats === false) logContract('the NATS log', (t) => openLog(t));
else test('the NATS log', { skip: noNats }, () => undefined);

const natsTest = (what: string, run: (t: TestContext) => Promise<void>) => test(what, { skip: noNats }, run);

natsTest('what several processes append comes to each of their followers, in one order and each once', async (t) => {
  const { log, another } = await openLog(t);
  const other = await another();
  const followers = [following(log), following(other)];
  const devices = ['a', 'b', 'c', 'd', 'e'].map((name) => entityId('device', name));
  const write = async (writer: NatsLog, source: (typeof devices)[number]) => {
    const appends = numbers(1, 500).map((n) => writer.append([{ source, observation: { n } }]));
    await Promise.all(appends);
  };
  await Promise.all(devices.map((device, index) => write(index % 2 === 0 ? log : other, device)));
  for (const { feed } of followers) await caughtUp(log, feed);
  const [mine, theirs] = followers.map(({ taken }) => taken);
  assert.deepEqual(mine, theirs);
  assert.ok(mine && inOrder(mine));
  for (const device of devices) assert.deepEqual(sequence(mine ?? [], device), numbers(1, 500));
  assert.deepEqual(await readAll(log, 0, 700), mine, 'and a reader reads the same');
});

natsTest('a follower begins behind any position, is not given what it does not want, and can wait', async (t) => {
  const { log } = await openLog(t);
  const [a, b] = [entityId('device', 'a'), entityId('device', 'b')];
  for (let n = 1; n <= 40; n++) await log.append([a, b].map((source) => ({ source, observation: { n } })));
  const all = await readAll(log, 0, 1000);
  const middle = all[50]?.position ?? 0;
  const late = following(log, middle);
  const only = following(log, 0, (source) => source === b);
  await caughtUp(log, late.feed);
  await caughtUp(log, only.feed);
  assert.deepEqual(late.taken, all.slice(51));
  assert.deepEqual(
    only.taken,
    all.filter(({ source }) => source === b),
  );

  late.feed.pause();
  const before = late.taken.length;
  for (let n = 41; n <= 400; n++) await log.append([{ source: a, observation: { n } }]);
  await caughtUp(log, only.feed);
  assert.equal(late.taken.length, before, 'nothing is taken while it waits');
  assert.ok(late.feed.end > late.feed.position, 'and it knows that there is something');
  late.feed.resume();
  await caughtUp(log, late.feed);
  assert.deepEqual(sequence(late.taken, a).slice(-360), numbers(41, 400));
});

natsTest('a follower whose messages have all gone is at the end all the same', async (t) => {
  const { log } = await openLog(t);
  await log.skipTo(5000);
  const { feed } = following(log);
  await caughtUp(log, feed);
  assert.ok(feed.position >= 5000);
});

natsTest(
  'what a server that is killed had acknowledged is there, the rest is sent again, and a follower goes on',
  async (t) => {
    const { log } = await openLog(t, { ackTimeoutMs: 1000 });
    const { feed, taken, told } = following(log);
    const source = entityId('device', 'meter');
    const devices = [source, entityId('device', 'other'), entityId('device', 'third')];
    let stop = false;
    let appended = 0;
    const writing = Promise.all(
      devices.map(async (device) => {
        const appends: Promise<number>[] = [];
        for (let n = 1; !stop; n++) {
          appends.push(log.append([{ source: device, observation: { n } }]));
          appended++;
          if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
        }
        await Promise.all(appends);
        return appends.length;
      }),
    );
    for (let round = 0; round < 3; round++) {
      const atLeast = taken.length + 1000;
      await until('records come', () => taken.length > atLeast, 30_000);
      await server.kill('SIGKILL');
      await until('the follower is told', () => told.at(-1) !== undefined, 30_000);
      assert.match(told.at(-1) ?? '', /no connection to NATS at 127\.0\.0\.1/);
      await server.restart();
      await until('and told again', () => told.at(-1) === undefined, 30_000);
    }
    stop = true;
    const counts = await writing;
    await caughtUp(log, feed);
    assert.equal(taken.length, appended);
    assert.ok(inOrder(taken));
    devices.forEach((device, index) => {
      assert.deepEqual(sequence(taken, device), numbers(1, counts[index] ?? 0), 'each once, in order');
    });
  },
);

natsTest('a server that does not answer costs its sources nothing: they are told to keep what they have', async (t) => {
  const { log, another } = await openLog(t, { ackTimeoutMs: 200, giveUpMs: 800 });
  const patient = await another({ giveUpMs: 60_000 });
  assert.equal(await log.append(records(1, 1)), 2047);
  const other = entityId('device', 'other');
  server.suspend();
  let waited: Promise<number>;
  try {
    waited = patient.append([{ source: other, observation: { n: 1 } }]);
    await assert.rejects(log.append(records(2, 1)), { code: 'UNAVAILABLE', store: 'telemetry log' });
    await assert.rejects(log.read(0, 10), { code: 'LOG_READ_FAILED' });
  } finally {
    server.resume();
  }
  await waited;
  const again = () => log.append(records(3, 1)).catch(() => 0);
  await until('it takes records again', async () => (await again()) > 0, 30_000);
  const all = await readAll(log, 0, 100);
  assert.equal(all.at(0)?.position, 2047);
  assert.ok(inOrder(all));
  // Both were sent over and over, and the server had all of it waiting when it went on.
  assert.deepEqual(sequence(all, other), [1]);
  const given = sequence(all, 'device/plc-1').filter((n) => n === 2);
  assert.ok(given.length <= 1, 'what was given up may have come through, but once');
});

natsTest('records that wait are bounded, and one that no message can carry is refused alone', async (t) => {
  const { log } = await openLog(t, { maxWaiting: 10 });
  const accepted = log.append(records(1, 8));
  await assert.rejects(log.append(records(9, 3)), { code: 'LOG_FULL' });
  await accepted;
  const source = entityId('device', 'plc-1');
  const outcomes = await Promise.allSettled([
    log.append([{ source, observation: { n: 9 } }]),
    log.append([{ source, observation: 'x'.repeat(2_000_000) }]),
    log.append([
      {
        source,
        observation: {
          get broken() {
            throw new RangeError('no value');
          },
        },
      },
    ]),
    log.append([{ source, observation: { n: 10 } }]),
  ]);
  const codes = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'stored' : outcome.reason));
  assert.equal(codes[0], 'stored');
  assert.equal(codes[1].code, 'LOG_RECORD_TOO_LARGE');
  assert.ok(codes[2] instanceof RangeError);
  assert.equal(codes[3], 'stored');
  assert.deepEqual(sequence(await readAll(log, 0, 100), source), numbers(1, 10));
  assert.equal(log.waiting, 0);
});

natsTest('a message of another program is left out and said so', async (t) => {
  const lost: object[] = [];
  const { log, prefix } = await openLog(t, { lost: (_reason, details) => lost.push(details) });
  await log.append(records(1, 1));
  const { connect } = await import('nats');
  const stranger = await connect({ servers: server.url });
  await stranger.jetstream().publish(`${prefix}.telemetry.3`, new TextEncoder().encode('hello'));
  await stranger.close();
  await log.append(records(2, 1));
  const { feed, taken } = following(log);
  await caughtUp(log, feed);
  assert.deepEqual(sequence(taken, 'device/plc-1'), [1, 2]);
  assert.deepEqual(
    lost.map((details) => Reflect.get(details, 'sequence')),
    [2],
  );
});

natsTest('positions go on where others remember them, and a stream that is behind them is refused', async (t) => {
  const { log } = await openLog(t);
  await log.skipTo(5_000_000);
  assert.ok((await log.end()) >= 5_000_000);
  assert.ok((await log.append(records(1, 1))) > 5_000_000);
  assert.equal((await readAll(log, 0, 10)).length, 1);
  await log.skipTo(4_000_000);
  await assert.rejects(log.skipTo(9_000_000_000), { code: 'LOG_BEHIND' });
});

natsTest('a log can be closed at any moment, also while its server dies or hangs', async (t) => {
  const own = await NatsServer.start();
  t.after(() => own.remove());
  const place = { url: own.url, name: 'test', startTimeoutMs: 10_000, prefix: 'closed', replicas: 1, maxAgeMs: DAY_MS };
  for (const pauseMs of [0, 1, 3, 10, 300]) {
    const log = await openNatsLog(place);
    const { feed } = following(log);
    await log.append(records(1, 1));
    await caughtUp(log, feed);
    const killed = own.kill();
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    // Nothing is thrown where nobody could catch it: that would end the process.
    await log.close();
    await killed;
    await own.restart();
  }
  const log = await openNatsLog(place);
  own.suspend();
  await log.close();
  own.resume();
});

natsTest('a server that has lost what it acknowledged is found out, and takes nothing more', async (t) => {
  const own = await NatsServer.start();
  t.after(() => own.remove());
  const place = { url: own.url, name: 'test', startTimeoutMs: 10_000, prefix: 'lost', replicas: 1, maxAgeMs: DAY_MS };
  const log = await openNatsLog(place, { ackTimeoutMs: 500 });
  t.after(() => log.close());
  await log.append(records(1, 10));
  await own.kill('SIGTERM');
  const restore = own.copyStore();
  await own.restart();
  const { feed, told } = following(log);
  for (let n = 11; n <= 60; n++) await log.append(records(n, 1));
  await until('the follower is at the end', () => feed.position === feed.end, 30_000);
  await own.kill();
  const late = log.append(records(61, 1));
  restore();
  await own.restart();
  const wentBack = /has ended at \d+ and had been at/;
  await assert.rejects(late, { code: 'UNAVAILABLE', message: wentBack });
  await until('the follower is told why', () => wentBack.test(told.at(-1) ?? ''), 30_000);
  await assert.rejects(log.append(records(62, 1)), { code: 'UNAVAILABLE', retryable: false });
  await assert.rejects(log.end(), { code: 'LOG_BEHIND' });
});

natsTest(
  'limits are those of the settings, also for a stream that is there, and replicas need a newer server',
  async (t) => {
    const { log, another, prefix } = await openLog(t);
    await log.append(records(1, 1));
    await another({ maxAgeMs: DAY_MS, maxBytes: 50_000_000 });
    const { connect } = await import('nats');
    const connection = await connect({ servers: server.url });
    const { config } = await (await connection.jetstreamManager()).streams.info(`${prefix}-telemetry`);
    const version = connection.info?.version ?? '';
    await connection.close();
    assert.equal(config.max_age, DAY_MS * 1e6);
    assert.equal(config.max_bytes, 50_000_000);
    assert.equal(config.storage, 'file');
    if (version.startsWith('2.9.')) {
      await assert.rejects(another({ replicas: 3 }), {
        code: 'NATS_TOO_OLD',
        message: /too old for 3 replicas: take nats-server 2\.10\.27/,
      });
    }
  },
);

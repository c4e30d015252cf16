/**
 * Goal: nothing of an owner that was replaced gets into the telemetry log behind the claim of its successor, however late it
 * arrives; and what an owner was told to be logged is there, once.
 * Method: a nats-server of the test's own, the writers as processes have them; the way of one to the server is held up.
 */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { entityId } from '../../runtime/ids.ts';
import { isLogFenced, type LogClaim } from '../../runtime/log.ts';
import type { NatsLog, NatsLogOptions } from '../../runtime/nats/nats-log.ts';
import { openNatsLog } from '../../runtime/nats/open.ts';
import { FaultyWay } from '../chaos/cell-way.ts';
import { until } from '../support/condition.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { readAll } from './log.contract.ts';

const SHARD = 7;
const source = entityId('device', 'meter');
const JOURNAL = { identity: 'this', position: 1 };

let server: NatsServer;
let streams = 0;
before(async () => {
  if (noNats === false) server = await NatsServer.start();
});
after(async () => {
  if (noNats === false) await server.remove();
});

const claimOf = (epoch: number, includes = true): LogClaim => ({
  shard: SHARD,
  epoch,
  journal: JOURNAL,
  includes: async () => includes,
});

/** Writers of one log: `a`, whose way can be disturbed, and `b`. */
async function writers(t: TestContext, overrides: Partial<Omit<NatsLogOptions, 'link'>> = {}) {
  const prefix = `fence-${++streams}`;
  const way = await FaultyWay.start(server.port);
  const open = (url: string) =>
    openNatsLog({ url, name: 'test', startTimeoutMs: 10_000, prefix, replicas: 1, maxAgeMs: 86_400_000 }, overrides);
  const [a, b] = [await open(`nats://127.0.0.1:${way.port}`), await open(server.url)];
  t.after(async () => {
    way.become('open');
    await Promise.all([a.close(), b.close()]);
    await way.close();
  });
  return { a, b, way };
}

/** Under the claim of an epoch. */
const write = (log: NatsLog, epoch: number, ...numbers: readonly number[]) =>
  log.append(numbers.map((n) => ({ source, observation: { n }, under: { shard: SHARD, epoch } })));

const logged = async (log: NatsLog) =>
  (await readAll(log, 0, 1000)).map(({ observation }) => Reflect.get(Object(observation), 'n'));

const natsTest = (what: string, run: (t: TestContext) => Promise<void>) => test(what, { skip: noNats }, run);

natsTest('a writer of one shard does not wait for others to gather', async (t) => {
  const { a } = await writers(t, { maxFlushPauseMs: 60_000 });
  await a.claim(claimOf(1));
  const numbers = Array.from({ length: 20 }, (_, n) => n);
  // As a source does that sends the next when it has its answer.
  for (const n of numbers) await write(a, 1, n);
  assert.deepEqual(await logged(a), numbers);
});

natsTest(
  'what an owner sends after the claim of its successor is refused; what it was told before is kept',
  async (t) => {
    const { a, b } = await writers(t);
    await a.claim(claimOf(1));
    await write(a, 1, 1, 2);
    await b.claim(claimOf(2));
    await assert.rejects(write(a, 1, 3), isLogFenced);
    await write(b, 2, 4);
    await assert.rejects(write(a, 1, 5), isLogFenced, 'it stays so');
    assert.deepEqual(await logged(b), [1, 2, 4]);
  },
);

natsTest(
  'a record that is under way while the shard goes over arrives nowhere, and its source is told so',
  async (t) => {
    const { a, b, way } = await writers(t);
    await a.claim(claimOf(1));
    await write(a, 1, 1);
    way.become('late requests');
    const late = write(a, 1, 2);
    const refused = assert.rejects(late, isLogFenced);
    await b.claim(claimOf(2));
    assert.deepEqual(await logged(b), [1], 'what the successor reads is all that there will be of the one before');
    await write(b, 2, 3);
    way.become('open');
    await refused;
    assert.deepEqual(await logged(b), [1, 3]);
  },
);

natsTest('a claim that was on its way while a newer owner claimed does not fence that one', async (t) => {
  const { a, b, way } = await writers(t);
  way.become('late requests');
  const late = assert.rejects(a.claim(claimOf(1)), isLogFenced);
  await b.claim(claimOf(2));
  await write(b, 2, 1);
  way.become('open');
  await late;
  await write(b, 2, 2);
  await assert.rejects(a.claim(claimOf(1)), isLogFenced, 'nor one that comes later');
  assert.deepEqual(await logged(b), [1, 2]);
});

natsTest('a recovery that begins again claims again, and what is being written meanwhile is not refused', async (t) => {
  const { a } = await writers(t);
  await a.claim(claimOf(1));
  await Promise.all([write(a, 1, 1), a.claim(claimOf(1)), write(a, 1, 2)]);
  await write(a, 1, 3);
  assert.deepEqual(await logged(a), [1, 2, 3]);
});

natsTest('epochs of a journal that is not this one do not count', async (t) => {
  const { a, b } = await writers(t);
  await a.claim(claimOf(9));
  await write(a, 9, 1);
  await b.claim(claimOf(2, false));
  await write(b, 2, 2);
  await assert.rejects(write(a, 9, 3), isLogFenced, 'who is replaced is replaced, whatever the epoch');
  assert.deepEqual(await logged(b), [1, 2]);
});

natsTest('an answer that is lost is no other owner: each record is there once, and writing goes on', async (t) => {
  const { a, b, way } = await writers(t, { ackTimeoutMs: 300, giveUpMs: 3000 });
  await a.claim(claimOf(1));
  way.become('lost answers');
  const kept = write(a, 1, 1);
  await until('it was stored', async () => (await logged(b)).includes(1));
  way.become('open');
  await kept;
  way.become('lost answers');
  await assert.rejects(write(a, 1, 2), { code: 'UNAVAILABLE' }, 'given up, though the stream has it');
  way.become('open');
  let n = 2;
  await until('it goes on', async () => {
    try {
      await write(a, 1, ++n);
      return true;
    } catch (error) {
      assert.ok(!isLogFenced(error));
      return false;
    }
  });
  const all = await logged(b);
  assert.deepEqual(all.slice(0, 2), [1, 2]);
  assert.equal(all.filter((one) => one === n).length, 1);
});

natsTest(
  'what was given up and comes through late is not written again by whoever read the log before it came',
  async (t) => {
    const { a, b, way } = await writers(t, { ackTimeoutMs: 300, giveUpMs: 600 });
    await a.claim(claimOf(1));
    await write(a, 1, 1);
    way.become('late requests');
    await assert.rejects(write(a, 1, 2), { code: 'UNAVAILABLE' });
    assert.deepEqual(await logged(b), [1], 'so its source is asked for it again');
    way.become('open');
    await assert.rejects(write(a, 1, 2), { code: 'UNAVAILABLE' });
    assert.deepEqual(await logged(b), [1, 2]);
    await write(a, 1, 3);
    assert.deepEqual(await logged(b), [1, 2, 3]);
  },
);

natsTest('records without a claim, and a subject that was emptied, do not end an owner', async (t) => {
  const { a, b } = await writers(t);
  await a.claim(claimOf(1));
  await write(a, 1, 1);
  const device = (n: number) => entityId('device', `other-${n}`);
  await b.append(Array.from({ length: 200 }, (_, n) => ({ source: device(n), observation: { n: 0 } })));
  await write(a, 1, 2);
  await a.trim({ beforePosition: (await a.end()) + 1, olderThanMs: Date.now() + 60_000 });
  await b.append([{ source: device(1), observation: { n: 0 } }]);
  await a.trim({ beforePosition: (await a.end()) + 1, olderThanMs: Date.now() + 60_000 });
  await write(a, 1, 3);
  assert.equal((await logged(a)).at(-1), 3);
});

natsTest('a server that is killed meanwhile neither loses nor repeats what is written under a claim', async (t) => {
  const { a } = await writers(t);
  await a.claim(claimOf(1));
  const done: number[] = [];
  let n = 0;
  let writing = true;
  const writer = (async () => {
    while (writing) {
      const next = ++n;
      await write(a, 1, next).then(() => done.push(next));
    }
  })();
  for (let round = 1; round <= 3; round++) {
    await until('some are written', () => done.length > round * 50);
    await server.kill();
    await server.restart();
  }
  await until('some more are written', () => done.length > 200);
  writing = false;
  await writer;
  assert.deepEqual(await logged(a), done);
});

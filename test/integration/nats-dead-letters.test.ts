/**
 * Goal: dead letters are kept as ever, and other programs get each of them by a stream, also when its server was away meanwhile.
 * Method: a store in memory, a real nats-server that is killed.
 */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { connect, nanos } from 'nats';
import type { DeadLetter } from '../../runtime/log.ts';
import { NatsLink } from '../../runtime/nats/connection.ts';
import { DeadLetterStream, type DeadLetterStreamOptions } from '../../runtime/nats/dead-letter-stream.ts';
import { until } from '../support/condition.ts';
import { MemoryDeadLetters } from '../support/memory-dead-letters.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';

let server: NatsServer;
before(async () => {
  if (noNats === false) server = await NatsServer.start();
});
after(async () => {
  if (noNats === false) await server.remove();
});

function letters(from: number, count: number, stream: DeadLetter['stream'] = 'invalid_telemetry'): DeadLetter[] {
  return Array.from({ length: count }, (_, i) => ({
    timeMs: from + i,
    stream,
    source: 'device/plc',
    code: 'range',
    reason: 'outside',
    body: { n: from + i },
  }));
}

async function open(t: TestContext, prefix: string, over: Partial<DeadLetterStreamOptions> = {}) {
  const link = await NatsLink.open({ url: server.url, name: 'test', startTimeoutMs: 10_000 });
  const store = new MemoryDeadLetters();
  const changes: (readonly [boolean, number])[] = [];
  const stream = new DeadLetterStream({
    link,
    store,
    prefix,
    replicas: 1,
    maxAgeMs: 3 * 86_400_000,
    changed: (failure, missing) => changes.push([failure !== undefined, missing]),
    ...over,
  });
  t.after(async () => {
    await stream.close();
    await link.close();
  });
  return { store, stream, changes };
}

async function published(prefix: string): Promise<{ subject: string; timeMs: number }[]> {
  const connection = await connect({ servers: server.url });
  const manager = await connection.jetstreamManager();
  const { state, config } = await manager.streams.info(`${prefix}-dead-letters`);
  assert.equal(config.max_age, nanos(3 * 86_400_000));
  const found: { subject: string; timeMs: number }[] = [];
  for (let seq = 1; seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage(`${prefix}-dead-letters`, { seq });
    found.push({ subject: message.subject, timeMs: message.json<DeadLetter>().timeMs });
  }
  await connection.close();
  return found;
}

test('a letter is kept, and told to who listens for its kind', { skip: noNats }, async (t) => {
  const { store, stream } = await open(t, 'kinds');
  await stream.append([...letters(1, 2), ...letters(3, 1, 'effects')]);
  await until('all are published', () => stream.waiting === 0);
  assert.deepEqual((await published('kinds')).map(({ subject, timeMs }) => [subject, timeMs]).sort(), [
    ['kinds.dead-letters.effects', 3],
    ['kinds.dead-letters.invalid_telemetry', 1],
    ['kinds.dead-letters.invalid_telemetry', 2],
  ]);
  assert.deepEqual(await stream.counts(), await store.counts());
  assert.equal((await stream.query({ limit: 10 })).length, 3);
});

test('while the server is away letters are kept and wait, as far as there is room; then each is told once', {
  skip: noNats,
}, async (t) => {
  const { stream, changes } = await open(t, 'away', { maxWaiting: 150 });
  await server.kill();
  await stream.append(letters(0, 100));
  await stream.append(letters(100, 100));
  assert.equal((await stream.query({ limit: 1000 })).length, 200, 'the store has them all');
  await until('it shows', () => changes.length === 1, 20_000);
  await server.restart();
  await until('all that had room are published', () => stream.waiting === 0, 30_000);
  const times = (await published('away')).map(({ timeMs }) => timeMs).sort((a, b) => a - b);
  assert.deepEqual(
    times,
    Array.from({ length: 150 }, (_, i) => i),
  );
  assert.deepEqual(changes, [
    [true, 50],
    [false, 50],
  ]);
});

/**
 * Goal: every row of the journal is in the stream of its class once and in order, whatever ends meanwhile: the publisher, the
 * server, or the part of being the one that publishes.
 * Method: a real journal, a real nats-server that is killed, publishers that come, go and run beside each other.
 */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { connect, nanos, StorageType } from 'nats';
import { entityId } from '../../runtime/ids.ts';
import { entriesOf, type JournalEntry } from '../../runtime/journal.ts';
import { NatsLink } from '../../runtime/nats/connection.ts';
import { JournalStreams, type JournalStreamsOptions } from '../../runtime/nats/journal-streams.ts';
import { openJournal } from '../../runtime/sql/open.ts';
import { turn } from '../contract/storage-support.ts';
import { until } from '../support/condition.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { tempDir } from '../support/temp-dir.ts';

const DAY_MS = 86_400_000;
const isAlarm = ({ kind }: Pick<JournalEntry, 'kind'>) => kind.startsWith('Alarm');

let server: NatsServer;
before(async () => {
  if (noNats === false) server = await NatsServer.start();
});
after(async () => {
  if (noNats === false) await server.remove();
});

/** A journal with one writer, and publishers on streams of this test's own. */
async function place(t: TestContext, prefix: string) {
  const temp = tempDir('journal-streams');
  const store = await openJournal(temp.dir);
  t.after(async () => {
    await store.close();
    temp.remove();
  });
  const epoch = await store.claims.claimAllShards('test');
  const seqs = new Map<string, number>();
  const write = async (name: string, ...kinds: string[]) => {
    const seq = seqs.get(name) ?? 0;
    seqs.set(name, seq + kinds.length);
    const append = turn(entityId('asset', name), seq + 1, { epoch, kinds });
    const [answer] = await store.journal.append([append]);
    assert.ok(answer?.kind === 'committed');
    return entriesOf(append, answer.firstPosition);
  };
  const publish = async (over: Partial<JournalStreamsOptions> = {}) => {
    const link = await NatsLink.open({ url: server.url, name: 'test', startTimeoutMs: 10_000 });
    const streams = await JournalStreams.open({
      link,
      journal: store.journal,
      prefix,
      replicas: 1,
      streams: [
        { name: 'alarms', maxAgeMs: 100 * DAY_MS, takes: isAlarm },
        { name: 'events', maxAgeMs: 10 * DAY_MS, takes: (entry) => !isAlarm(entry) },
      ],
      encode: ({ position, entity, kind, event }, token) => JSON.stringify({ position, token, entity, kind, event }),
      lookEveryMs: 20,
      ...over,
    });
    const end = async () => {
      await streams.close();
      await link.close();
    };
    t.after(end);
    return { streams, end };
  };
  return { journal: store.journal, write, publish, stored: (name: string) => stored(prefix, name) };
}

interface Stored {
  readonly subject: string;
  readonly position: number;
  readonly token: string;
  readonly kind: string;
  readonly event: unknown;
}

/** All messages of a stream, as another program reads them. */
async function stored(prefix: string, name: string): Promise<Stored[]> {
  const connection = await connect({ servers: server.url });
  try {
    const manager = await connection.jetstreamManager();
    const { state } = await manager.streams.info(`${prefix}-${name}`);
    const messages: Stored[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(`${prefix}-${name}`, { seq });
      messages.push({ subject: message.subject, ...message.json<Omit<Stored, 'subject'>>() });
    }
    return messages;
  } finally {
    await connection.close();
  }
}

const positions = (messages: readonly Stored[]) => messages.map(({ position }) => position);

test('alarms and events go to streams of their own, each kept as long as its class, under the entity they are of', {
  skip: noNats,
}, async (t) => {
  const { write, publish, stored, journal } = await place(t, 'classes');
  await write('pump-1', 'Before');
  const { streams } = await publish();
  streams.committed(await write('pump-1', 'AlarmRaised', 'StatusChanged'));
  await write('tank.2', 'AlarmRaised');
  await until('all are published', () => streams.position === 4);
  const [alarms, events] = [await stored('alarms'), await stored('events')];
  assert.deepEqual(
    alarms.map(({ subject, position }) => [subject, position]),
    [
      ['classes.alarms.asset.pump-1', 2],
      ['classes.alarms.asset.tank.2', 4],
    ],
  );
  assert.deepEqual(positions(events), [1, 3], 'also what was there before anybody published');
  assert.equal(events[1]?.token, `${await journal.identity()}-3`, 'a place that the WebSocket takes as well');
  const connection = await connect({ servers: server.url });
  const manager = await connection.jetstreamManager();
  for (const [name, days] of [
    ['alarms', 100],
    ['events', 10],
  ] as const)
    assert.equal((await manager.streams.info(`classes-${name}`)).config.max_age, nanos(days * DAY_MS));
  await connection.close();
});

test('a publisher goes on where the last one ended, also where that could not say how far it had got', {
  skip: noNats,
}, async (t) => {
  const { write, publish, stored, journal } = await place(t, 'restarts');
  const first = await publish();
  for (let n = 0; n < 5; n++) await write('pump-1', 'AlarmRaised', 'StatusChanged');
  await until('ten are published', () => first.streams.position === 10);
  await first.end();
  await write('pump-1', 'StatusChanged');
  // As after kill -9: what was kept is older than what is in the streams.
  const forgetful = {
    ...journal,
    snapshot: async () => ({
      entity: entityId('journal', 'streams'),
      seq: 3,
      logPosition: 0,
      timeMs: 0,
      state: new Uint8Array(),
    }),
  };
  const second = await publish({ journal: forgetful });
  await until('all are published', () => second.streams.position === 11);
  assert.deepEqual(positions(await stored('alarms')), [1, 3, 5, 7, 9]);
  assert.deepEqual(positions(await stored('events')), [2, 4, 6, 8, 10, 11]);
});

test('of two that publish at the same time each row is stored once and in order', { skip: noNats }, async (t) => {
  const { write, publish, stored } = await place(t, 'two');
  const both = [await publish(), await publish()];
  for (let n = 0; n < 60; n++) {
    const entries = await write('pump-1', 'AlarmRaised', 'StatusChanged');
    for (const { streams } of both) streams.committed(entries);
  }
  await until('both are through', () => both.every(({ streams }) => streams.position === 120), 20_000);
  const upTo = Array.from({ length: 60 }, (_, n) => n);
  assert.deepEqual(
    positions(await stored('alarms')),
    upTo.map((n) => 2 * n + 1),
  );
  assert.deepEqual(
    positions(await stored('events')),
    upTo.map((n) => 2 * n + 2),
  );
});

test('who gets the part of publishing begins where the other was, and who loses it ends', {
  skip: noNats,
}, async (t) => {
  const { write, publish, stored } = await place(t, 'part');
  let owner = 'a';
  const a = await publish({ isOurs: () => owner === 'a' });
  const b = await publish({ isOurs: () => owner === 'b' });
  await write('pump-1', 'One');
  await until('a has published', () => a.streams.position === 1);
  assert.equal(b.streams.position, undefined);
  owner = 'b';
  await write('pump-1', 'Two');
  await until('b has published', () => b.streams.position === 2);
  assert.equal(a.streams.position, undefined);
  assert.deepEqual(positions(await stored('events')), [1, 2]);
});

test('a server that is killed is waited for, in sight, and nothing is missing or there twice', {
  skip: noNats,
}, async (t) => {
  const { write, publish, stored } = await place(t, 'killed');
  const changes: boolean[] = [];
  const { streams } = await publish({ changed: (failure) => changes.push(failure === undefined) });
  for (let n = 0; n < 20; n++) streams.committed(await write('pump-1', 'AlarmRaised'));
  await server.kill();
  for (let n = 0; n < 20; n++) streams.committed(await write('pump-1', 'AlarmRaised'));
  await until('it shows', () => streams.failure !== undefined, 20_000);
  await server.restart();
  await until('all are published', () => streams.position === 40, 30_000);
  assert.equal(streams.failure, undefined);
  assert.deepEqual([changes[0], changes.at(-1)], [false, true]);
  assert.deepEqual(
    positions(await stored('alarms')),
    Array.from({ length: 40 }, (_, n) => n + 1),
  );
});

test('a row that is too large for a message is there without what it says', { skip: noNats }, async (t) => {
  const { write, publish, stored } = await place(t, 'large');
  const { streams } = await publish({
    encode: ({ position, kind, event }, token) => {
      const large = kind === 'Large' && typeof event === 'object' && event !== null && 'n' in event;
      return JSON.stringify({ position, token, kind, event: large ? 'x'.repeat(2_000_000) : event });
    },
  });
  await write('pump-1', 'Large', 'Small');
  await until('both are published', () => streams.position === 2);
  const [large, small] = await stored('events');
  assert.ok(typeof large?.event === 'object' && large.event !== null && 'tooLarge' in large.event);
  assert.equal(small?.kind, 'Small');
});

test('a stream that is not there and may not be made is waited for, in sight', { skip: noNats }, async (t) => {
  const { write, publish, stored } = await place(t, 'unfit');
  const connection = await connect({ servers: server.url });
  t.after(() => connection.close());
  const manager = await connection.jetstreamManager();
  // Somebody else's, under our name.
  await manager.streams.add({ name: 'unfit-alarms', subjects: ['unfit.alarms.>'], storage: StorageType.Memory });
  const { streams } = await publish();
  assert.match(streams.failure?.reason ?? '', /unfit-alarms/);
  streams.committed(await write('pump-1', 'AlarmRaised'));
  await manager.streams.delete('unfit-alarms');
  await until('it is published', () => streams.position === 1 && streams.failure === undefined, 20_000);
  assert.deepEqual(positions(await stored('alarms')), [1]);
});

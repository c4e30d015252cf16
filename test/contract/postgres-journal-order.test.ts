/**
 * Goal: whoever follows the journal of a cell by position gets every row of every node, once and in order, and a place in it
 * is known on every node, whichever of them starts anew, but not to a database that went on from an older copy.
 * Method: two journals on one PostgreSQL that append at the same time, one that reads; the server is restarted and restored.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { entityId } from '../../runtime/ids.ts';
import { entriesOf, type Journal, type JournalEntry } from '../../runtime/journal.ts';
import { JournalTail } from '../../runtime/journal-tail.ts';
import { openPostgres } from '../../runtime/sql/open-postgres.ts';
import { postgresAddress } from '../../runtime/sql/postgres-url.ts';
import { until } from '../support/condition.ts';
import { SharedPostgres } from '../support/servers/postgres.ts';
import { turn } from './storage-support.ts';

const shared = new SharedPostgres({ fsync: 'off' });
const { skip } = shared;
const pump = entityId('asset', 'pump-1');
const OWN_EVERY_MS = 3_600_000;

async function openOn(t: TestContext, url: string) {
  const store = await openPostgres(postgresAddress(url, {}));
  t.after(() => store.close());
  return store;
}

/** Appends one turn after the other for an entity of its own; `done` is told of each. */
async function write(
  journal: Journal,
  name: string,
  epoch: number,
  turns: number,
  done: (entries: readonly JournalEntry[]) => void = () => {},
): Promise<void> {
  const entity = entityId('asset', name);
  for (let n = 0; n < turns; n++) {
    const append = turn(entity, 2 * n + 1, { epoch, kinds: ['Began', 'Ended'] });
    const [answer] = await journal.append([append]);
    assert.ok(answer?.kind === 'committed', JSON.stringify(answer));
    done(entriesOf(append, answer.firstPosition));
  }
}

test('positions are seen in the order of the commits: whoever reads by position never finds one before a known one', {
  skip,
}, async (t) => {
  const url = await shared.database();
  const [a, b, reader] = [await openOn(t, url), await openOn(t, url), await openOn(t, url)];
  const epoch = await a.claims.claimAllShards('cell');
  let writing = true;
  const writers = Promise.all([
    ...['a1', 'a2', 'a3'].map((name) => write(a.journal, name, epoch, 60)),
    ...['b1', 'b2', 'b3'].map((name) => write(b.journal, name, epoch, 60)),
  ]).finally(() => {
    writing = false;
  });
  const seen: JournalEntry[] = [];
  for (;;) {
    const ended = !writing;
    const rows = await reader.journal.query({ after: seen.at(-1)?.position ?? 0, limit: 7 });
    seen.push(...rows);
    if (ended && rows.length === 0) break;
  }
  await writers;
  assert.deepEqual(
    seen.map(({ position }) => position),
    Array.from({ length: 720 }, (_, i) => i + 1),
    'every position, none skipped',
  );
  for (const name of ['a1', 'b3'])
    assert.deepEqual(
      seen.filter(({ entity }) => entity === `asset/${name}`).map(({ seq }) => seq),
      Array.from({ length: 120 }, (_, i) => i + 1),
    );
});

test('two nodes follow the whole journal, their own rows at once and those of the other by its hints', {
  skip,
}, async (t) => {
  const url = await shared.database();
  const nodes = await Promise.all(
    ['a', 'b'].map(async (name) => {
      const { journal, claims } = await openOn(t, url);
      const taken: number[] = [];
      const take = (entries: readonly JournalEntry[]) => void taken.push(...entries.map(({ position }) => position));
      const tail = new JournalTail({ journal, take, lookEveryMs: OWN_EVERY_MS, batch: 16 });
      t.after(() => tail.close());
      return { name, journal, claims, tail, taken };
    }),
  );
  const [first] = nodes;
  assert.ok(first);
  const epoch = await first.claims.claimAllShards('cell');
  for (const { tail, journal } of nodes) tail.start(await journal.end());
  await Promise.all(
    nodes.flatMap(({ name, journal, tail }) => {
      const others = nodes.filter((node) => node.name !== name);
      return [1, 2, 3].map((n) =>
        write(journal, `${name}${n}`, epoch, 40, (entries) => {
          tail.committed(entries);
          for (const other of others) other.tail.hint(entries.at(-1)?.position ?? 0);
        }),
      );
    }),
  );
  await until('both have all', () => nodes.every(({ tail }) => tail.position === 480), 20_000);
  for (const { taken } of nodes)
    assert.deepEqual(
      taken,
      Array.from({ length: 480 }, (_, i) => i + 1),
    );
});

test('a tail goes on where it was when the server comes back, and shows meanwhile that it is away', {
  skip,
}, async (t) => {
  const server = await shared.server();
  const { journal, claims } = await openOn(t, await server.newDatabase());
  const epoch = await claims.claimAllShards('cell');
  const taken: number[] = [];
  const broken: number[] = [];
  const tail = new JournalTail({
    journal,
    take: (entries) => void taken.push(...entries.map(({ position }) => position)),
    broken: (position) => broken.push(position),
    lookEveryMs: 50,
  });
  t.after(() => tail.close());
  tail.start(0);
  await write(journal, 'pump-1', epoch, 5);
  await until('ten rows', () => taken.length === 10);
  await server.kill('SIGINT');
  await until('it shows', () => tail.failure !== undefined);
  await server.restart();
  await journal.append([turn(pump, 11, { epoch, kinds: ['Began', 'Ended'] })]);
  await until('all rows', () => taken.length === 12);
  assert.equal(tail.failure, undefined);
  assert.deepEqual([taken, broken], [Array.from({ length: 12 }, (_, i) => i + 1), []]);
});

test('the start of a node changes nothing for places that others have handed out', { skip }, async (t) => {
  const url = await shared.database();
  const a = await openOn(t, url);
  const epoch = await a.claims.claimAllShards('cell');
  const identity = await a.journal.identity();
  await write(a.journal, 'pump-1', epoch, 2);
  const b = await openOn(t, url);
  assert.equal(await b.journal.identity(), identity);
  await write(a.journal, 'pump-2', epoch, 2);
  for (const { journal } of [a, b]) assert.equal(await journal.includes(identity, 8), true);
  assert.equal(await b.journal.includes(identity, 9), false);
  await b.claims.claimAllShards('another');
  assert.equal(await a.journal.identity(), identity, 'nor does it where one process has all shards');
});

test('a restarted server knows the places from before, up to where it ended, and a node that noticed nothing too', {
  skip,
}, async (t) => {
  const server = await shared.server();
  const { journal, claims } = await openOn(t, await server.newDatabase());
  const epoch = await claims.claimAllShards('cell');
  const first = await journal.identity();
  await write(journal, 'pump-1', epoch, 2);
  await server.kill('SIGINT');
  await server.restart();
  // The first that this life of the server sees of us is an append.
  await until('a connection', () =>
    journal.end().then(
      () => true,
      () => false,
    ),
  );
  await journal.append([turn(pump, 5, { epoch })]);
  assert.equal(await journal.includes(first, 4), true);
  assert.equal(await journal.includes(first, 5), false, 'it was not handed out before the restart');
  const second = await journal.identity();
  assert.notEqual(second, first);
  assert.equal(await journal.includes(second, 5), true);
});

test('a database whose tables were restored does not take places that its original went on to hand out', {
  skip,
}, async (t) => {
  const server = await shared.server();
  const url = await server.newDatabase();
  const { journal, claims } = await openOn(t, url);
  const epoch = await claims.claimAllShards('cell');
  await write(journal, 'pump-1', epoch, 2);
  const first = await journal.identity();
  const broken: number[] = [];
  const tail = new JournalTail({
    journal,
    take: () => {},
    broken: (position) => broken.push(position),
    lookEveryMs: 20,
  });
  t.after(() => tail.close());
  tail.start(0);
  const kept = ['journal_end', 'journal_identity', 'head', 'journal'];
  for (const table of kept) await server.query(`create table copy_of_${table} as table ${table}`, [], url);
  await write(journal, 'pump-2', epoch, 3);
  assert.equal(await journal.includes(first, 10), true);
  await until('the tail has seen them', () => tail.position === 10);
  // Back to the copy, in the same database and while the server runs on, as pg_restore --clean does.
  for (const table of kept) {
    await server.query(`truncate ${table}`, [], url);
    await server.query(`insert into ${table} select * from copy_of_${table}`, [], url);
  }
  await write(journal, 'pump-3', epoch, 4);
  assert.equal(await journal.end(), 12);
  assert.equal(await journal.includes(first, 4), true);
  assert.equal(await journal.includes(first, 10), false, 'the tenth row is another now');
  await until('the tail has found out', () => broken.length > 0 && tail.position === 12);
});

/**
 * Goal: on PostgreSQL there is one history as well, with several writers, with answers that are lost, with requests that come
 * late, and over its partitions. Method: a real server, pools of their own for each writer, and a proxy that loses and delays.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { CommandId, entityId } from '../../runtime/ids.ts';
import type { JournalEntry } from '../../runtime/journal.ts';
import type { JournalStore } from '../../runtime/sql/open.ts';
import { openPostgres, type PostgresStoreOptions } from '../../runtime/sql/open-postgres.ts';
import { postgresAddress } from '../../runtime/sql/postgres-url.ts';
import { turn } from '../contract/storage-support.ts';
import { answered } from '../support/answered.ts';
import { until } from '../support/condition.ts';
import { EXEC_ARGV, moduleFile } from '../support/places.ts';
import { SharedPostgres } from '../support/servers/postgres.ts';
import { PostgresProxy } from '../support/servers/postgres-proxy.ts';

const shared = new SharedPostgres({ settings: { track_functions: 'all' } });
const options = { skip: shared.skip, timeout: 60_000 };
const pump = entityId('asset', 'pump-1');

async function open(t: TestContext, url: string, more: PostgresStoreOptions = {}): Promise<JournalStore> {
  const store = await openPostgres(postgresAddress(url, {}), more);
  t.after(() => store.close());
  return store;
}

/** The way to a database over a proxy. */
async function throughProxy(t: TestContext, url: string): Promise<{ proxy: PostgresProxy; url: string }> {
  const proxy = await PostgresProxy.start((await shared.server()).port);
  t.after(() => proxy.close());
  const proxied = new URL(url);
  proxied.port = String(proxy.port);
  return { proxy, url: proxied.toString() };
}

test(
  'with several writers a reader that follows by position sees every row once, in order and without a gap',
  options,
  async (t) => {
    const url = await shared.database();
    const stores = await Promise.all(Array.from({ length: 4 }, () => open(t, url)));
    const epoch = (await stores[0]?.claims.claimAllShards('all')) ?? 0;
    const reader = await open(t, url);
    const PER_WRITER = 60;
    const seen: JournalEntry[] = [];
    let writing = true;
    const following = (async () => {
      while (true) {
        const last = !writing;
        const rows = await reader.journal.query({ after: seen.at(-1)?.position ?? 0, limit: 500 });
        seen.push(...rows);
        if (rows.length === 0 && last) return;
      }
    })();
    await Promise.all(
      stores.map(async ({ journal }, n) => {
        const id = entityId('asset', `writer-${n}`);
        let seq = 1;
        for (let batch = 0; batch < PER_WRITER; batch++) {
          const turns = Array.from({ length: 1 + (batch % 3) }, () => turn(id, seq++, { epoch, shard: n }));
          const answers = await journal.append(turns);
          assert.ok(answers.every(({ kind }) => kind === 'committed'));
        }
      }),
    );
    writing = false;
    await following;
    assert.equal(seen.length, 4 * PER_WRITER * 2);
    for (const [index, { position }] of seen.entries()) assert.equal(position, index + 1);
  },
);

test(
  'who takes or releases a shard waits for the append that is under way for it, and recovers from what that wrote',
  options,
  async (t) => {
    const url = await shared.database();
    const server = await shared.server();
    const leaseTtlMs = 30_000;
    const store = await open(t, url, { leaseTtlMs });
    const a = { node: 'a', incarnation: 'a1' };
    const b = { node: 'b', incarnation: 'b1' };
    for (const life of [a, b]) await store.cluster.join({ ...life, leaving: false, successor: false, mayHold: true });
    /** An append that has seen whose the shard is, and takes its time to commit. */
    const slowly = async (seq: number, epoch: number) => {
      const turns = [{ entity: pump, kind: 'asset', seq, events: 1, shard: 0, epoch, answer: 'null', time_ms: 1 }];
      const row = { turn: 1, nth: 1, entity: pump, seq, shard: 0, epoch, kind: 'Slow', event: '{}', time_ms: 1 };
      const rows = [{ ...row, by_user: 'a', by_via: 'http', log_position: 0, before: 'null', after: 'null' }];
      let ended = false;
      const appending = server
        .query(
          `select append_turns(gen_random_uuid(), '${JSON.stringify(turns)}', '${JSON.stringify(rows)}', '[]', null, null); select pg_sleep(0.4)`,
          [],
          url,
        )
        .then(() => {
          ended = true;
        });
      await until('it is under way', async () => {
        const locks = "select 1 from pg_locks where relation = 'shard'::regclass and mode = 'RowShareLock' and granted";
        return ended || (await server.query(locks, [], url)).length > 0;
      });
      return { appending, hasEnded: () => ended };
    };

    assert.equal(await store.cluster.claim(a, 0, 0), 1);
    const first = await slowly(1, 1);
    assert.equal(first.hasEnded(), false);
    assert.equal(await store.cluster.release({ ...a, shard: 0, epoch: 1 }, 'b'), true);
    assert.equal((await store.journal.events(pump, 0)).length, 1, 'the release came after it');
    await first.appending;

    assert.equal(await store.cluster.claim(a, 0, 1), 2);
    await server.query("update node set beat_ms = 0 where id = 'a'", [], url);
    const second = await slowly(2, 2);
    assert.equal(second.hasEnded(), false);
    assert.equal(await store.cluster.claim(b, 0, 2), 3);
    assert.equal((await store.journal.events(pump, 0)).length, 2, 'the claim came after it');
    await second.appending;
    assert.equal((await store.journal.append([turn(pump, 3, { epoch: 2 })], a))[0]?.kind, 'fenced');
  },
);

test('an append whose answer is lost is in the journal once, and what is read next has it', options, async (t) => {
  const url = await shared.database();
  const { proxy, url: proxied } = await throughProxy(t, url);
  const store = await open(t, proxied, { answerTimeoutMs: 300, connectTimeoutMs: 1000 });
  const epoch = await store.claims.claimAllShards('one');
  await store.journal.append([turn(pump, 1, { epoch })]);
  proxy.dropAnswers = true;
  const lost = turn(pump, 2, { epoch, commandId: 'c-2', effects: ['do it'] });
  await assert.rejects(store.journal.append([lost]), { code: 'STORE_TIMEOUT' });
  await assert.rejects(store.journal.events(pump, 0), 'nothing is read before it is known what became of it');
  proxy.dropAnswers = false;
  assert.deepEqual(
    (await store.journal.events(pump, 1)).map(({ seq, epoch: of, commandId }) => ({ seq, of, commandId })),
    [{ seq: 2, of: epoch, commandId: 'c-2' }],
  );
  assert.deepEqual(await store.journal.append([lost]), [{ kind: 'repeated', answer: { done: 'c-2' } }]);
  assert.equal((await store.journal.append([turn(pump, 3, { epoch })]))[0]?.kind, 'committed');
  assert.equal((await store.journal.pendingEffects()).length, 1);
});

test('an append that arrives after it was given up writes nothing', options, async (t) => {
  const url = await shared.database();
  const { proxy, url: proxied } = await throughProxy(t, url);
  const store = await open(t, proxied, { answerTimeoutMs: 300, connectTimeoutMs: 1000 });
  const epoch = await store.claims.claimAllShards('one');
  await store.journal.append([turn(pump, 1, { epoch })]);
  proxy.hold();
  await assert.rejects(store.journal.append([turn(pump, 2, { epoch, commandId: 'late' })]), { code: 'STORE_TIMEOUT' });
  assert.ok(proxy.held > 0);
  const deliver = proxy.passAgain();
  assert.equal((await store.journal.events(pump, 0)).length, 1, 'as good as lost');
  const server = await shared.server();
  const calls = async () =>
    Number(
      (await server.query("select calls from pg_stat_user_functions where funcname = 'append_turns'", [], url))[0]
        ?.calls ?? 0,
    );
  const before = await calls();
  deliver();
  await until('the late append is carried out', async () => (await calls()) > before);
  assert.equal((await store.journal.events(pump, 0)).length, 1);
  assert.equal(await store.journal.answered(pump, CommandId.parse('late')), undefined);
  assert.equal((await store.journal.append([turn(pump, 2, { epoch })]))[0]?.kind, 'committed', 'nothing is in its way');
});

test(
  'an append that waits in the server when its connection ends is settled before anything is read',
  options,
  async (t) => {
    const url = await shared.database();
    const server = await shared.server();
    const store = await open(t, url, { answerTimeoutMs: 400 });
    const epoch = await store.claims.claimAllShards('one');
    // Somebody has the end of the journal for longer than the writer waits.
    const blocking = server.query('select from journal_end for update; select pg_sleep(1)', [], url);
    await until(
      'it is locked',
      async () =>
        (await server.query("select 1 from pg_locks where relation = 'journal_end'::regclass", [], url)).length > 0,
    );
    await assert.rejects(store.journal.append([turn(pump, 1, { epoch })]), { code: 'STORE_TIMEOUT' });
    const events = await answered(() => store.journal.events(pump, 0));
    await blocking;
    assert.deepEqual(await answered(() => store.journal.events(pump, 0)), events, 'what was read stays true');
    const next = turn(pump, events.length + 1, { epoch, commandId: 'next' });
    const [outcome] = await answered(() => store.journal.append([next]));
    assert.ok(outcome?.kind === 'committed' || outcome?.kind === 'repeated', 'repeated: its first answer was late');
  },
);

test(
  'connections that the server ends are replaced, and what was asked on them fails as retryable',
  options,
  async (t) => {
    const url = await shared.database();
    const server = await shared.server();
    const store = await open(t, url);
    const epoch = await store.claims.claimAllShards('one');
    const database = new URL(url).pathname.slice(1);
    const end = () =>
      server.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()',
        [database],
      );
    let seq = 0;
    for (let round = 0; round < 10; round++) {
      const [outcome] = await Promise.allSettled([store.journal.append([turn(pump, seq + 1, { epoch })]), end()]);
      if (outcome.status === 'rejected') assert.equal(outcome.reason.retryable, true, outcome.reason.message);
      let known: number | undefined;
      await until('it answers', async () => {
        known = await store.journal.events(pump, 0).then(
          (events) => events.length,
          () => undefined,
        );
        return known !== undefined;
      });
      if (outcome.status === 'fulfilled') assert.equal(known, seq + 1);
      assert.ok(known === seq || known === seq + 1);
      seq = known;
    }
  },
);

test('rows go on in the next partition, which is there before it is needed', options, async (t) => {
  const url = await shared.database();
  const server = await shared.server();
  const store = await open(t, url);
  const epoch = await store.claims.claimAllShards('one');
  const partitions = async () =>
    (
      await server.query("select relname from pg_class where relname ~ '^journal_p[0-9]+$' order by relname", [], url)
    ).map(({ relname }) => relname);
  assert.deepEqual(await partitions(), ['journal_p0', 'journal_p1']);
  await server.query('update journal_end set position = 4999997', [], url);
  const turns = Array.from({ length: 6 }, (_, index) => turn(pump, index + 1, { epoch, effects: [index] }));
  await store.journal.append(turns);
  assert.deepEqual(await partitions(), ['journal_p0', 'journal_p1', 'journal_p2']);
  const counts = await server.query(
    'select tableoid::regclass::text as part, count(*)::int from journal group by 1 order by 1',
    [],
    url,
  );
  assert.deepEqual(
    counts.map(({ part, count }) => [part, count]),
    [
      ['journal_p0', 2],
      ['journal_p1', 4],
    ],
  );
  const events = await store.journal.events(pump, 0);
  assert.deepEqual(
    events.map(({ seq, position }) => [seq, position]),
    turns.map((_, index) => [index + 1, 4_999_998 + index]),
  );
  assert.equal((await store.journal.query({ newestFirst: true, limit: 3 }))[0]?.position, 5_000_003);
  assert.deepEqual(
    (await store.journal.pendingEffects()).map(({ effect }) => effect),
    [0, 1, 2, 3, 4, 5],
  );
  // Where the partition that is needed cannot be made, the append fails as a whole.
  await server.query('update journal_end set position = 14999999', [], url);
  await server.query('create table journal_p3 (in_the_way text)', [], url);
  await assert.rejects(store.journal.append([turn(pump, 7, { epoch })]), { code: 'STORE_FAILED' });
  assert.equal((await store.journal.events(pump, 0)).length, 6);
  await server.query('drop table journal_p3', [], url);
  assert.equal((await store.journal.append([turn(pump, 7, { epoch })]))[0]?.kind, 'committed');
});

test('nodes that start at once on an empty database bring it to its form once', options, async (t) => {
  const url = await shared.database();
  const stores = await Promise.all(Array.from({ length: 4 }, () => open(t, url)));
  const epochs = await Promise.all(stores.map((store, n) => store.claims.claimAllShards(`n${n}`)));
  assert.deepEqual(epochs.sort(), [1, 2, 3, 4], 'and each has an epoch of its own');
});

test('processes that start at once on an empty database do so as well', options, async () => {
  const url = await shared.database();
  const child = moduleFile('../support/servers/postgres-opener', import.meta.url);
  const codes = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const opener = spawn(process.execPath, [...EXEC_ARGV, child, url], {
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      const [code] = await once(opener, 'exit');
      return code;
    }),
  );
  assert.deepEqual(codes, [0, 0, 0, 0]);
});

test('a database over a Unix socket is one as any other', options, async (t) => {
  const server = await shared.server();
  const name = new URL(await shared.database()).pathname.slice(1);
  const store = await open(t, server.socketUrl(name));
  assert.equal(await store.claims.claimAllShards('one'), 1);
});

test(
  'what is no database to work with is refused at the start, with a reason and without the password',
  options,
  async () => {
    const server = await shared.server();
    await server.query(
      "create database ascii encoding 'SQL_ASCII' locale_provider 'libc' locale 'C' template template0",
    );
    const refused = async (url: string, code: string, says: RegExp) => {
      await assert.rejects(
        openPostgres(postgresAddress(url, {}), { withinMs: 400 }),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, code, error.message);
          assert.match(error.message, says);
          assert.doesNotMatch(error.message, /s3cret/);
          return true;
        },
      );
    };
    await refused(server.url('ascii'), 'DATABASE_UNUSABLE', /SQL_ASCII/);
    await refused(server.url('nowhere'), 'DATABASE_UNREACHABLE', /nowhere/);
    await refused(
      'postgres://user:s3cret@127.0.0.1:1/plant',
      'DATABASE_UNREACHABLE',
      /127\.0\.0\.1:1\/plant.*ECONNREFUSED/,
    );
  },
);

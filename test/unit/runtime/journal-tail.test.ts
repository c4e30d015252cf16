import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { entityId } from '../../../runtime/ids.ts';
import type { JournalEntry, JournalQuery } from '../../../runtime/journal.ts';
import { JournalTail, type JournalTailOptions } from '../../../runtime/journal-tail.ts';
import { until } from '../../support/condition.ts';

const pump = entityId('asset', 'pump');
/** Longer than any test: what moves the tail is what the test does. */
const NEVER_MS = 3_600_000;

/** Rows, and how the journal answers. */
class FakeJournal {
  rows: JournalEntry[] = [];
  queries = 0;
  /** Rows are written at times after this. */
  fromMs = 0;
  fails: string | undefined;
  /** What an answer waits for. */
  gate: Promise<void> = Promise.resolve();

  add(count: number): readonly JournalEntry[] {
    const from = this.rows.length;
    for (let i = 0; i < count; i++) this.rows.push(row(from + i + 1, this.fromMs));
    return this.rows.slice(from);
  }

  async query({ after = 0, limit }: JournalQuery): Promise<JournalEntry[]> {
    this.queries++;
    const found = this.rows.filter(({ position }) => position > after).slice(0, limit);
    await this.gate;
    if (this.fails !== undefined) throw new Error(this.fails);
    return found;
  }

  async end(): Promise<number> {
    return this.rows.length;
  }
}

function row(position: number, fromMs: number): JournalEntry {
  return {
    position,
    entity: pump,
    seq: position,
    shard: 0,
    epoch: 1,
    commandId: null,
    kind: 'ValueSet',
    event: null,
    timeMs: fromMs + position,
    by: { user: 'test', via: 'http' },
    logPosition: 0,
    before: null,
    after: null,
  };
}

function follow(t: TestContext, options: Partial<JournalTailOptions> = {}, from = 0) {
  const journal = new FakeJournal();
  const taken: number[] = [];
  const changes: (string | undefined)[] = [];
  const tail = new JournalTail({
    journal,
    take: (entries) => void taken.push(...entries.map(({ position }) => position)),
    changed: (failure) => changes.push(failure),
    lookEveryMs: NEVER_MS,
    ...options,
  });
  t.after(() => tail.close());
  tail.start(from);
  const idle = () => until('the tail is idle', () => tail.workingSinceMs === undefined);
  return { journal, tail, taken, changes, idle };
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

test('rows that are the very next are handed on at once, and not read again', async (t) => {
  const { journal, tail, taken, idle } = follow(t);
  await idle();
  const before = journal.queries;
  tail.committed(journal.add(3));
  assert.deepEqual(taken, [1, 2, 3], 'in the same turn');
  tail.committed(journal.add(1));
  assert.deepEqual(taken, upTo(4));
  await idle();
  assert.equal(journal.queries, before);
});

test('rows behind those of another node wait for them, whatever the order of the news', async (t) => {
  const { journal, tail, taken, idle } = follow(t);
  await idle();
  journal.add(2);
  const own = journal.add(2);
  tail.committed(own);
  assert.deepEqual(taken, [], 'the two before are missing');
  await until('all four', () => taken.length === 4);
  assert.deepEqual(taken, upTo(4));
  tail.committed(own);
  tail.hint(2);
  await idle();
  assert.deepEqual(taken, upTo(4), 'late and repeated news bring nothing twice');
});

test('a hint during a read is not lost: the read may not have seen its row', async (t) => {
  const { journal, tail, taken, idle } = follow(t);
  await idle();
  let open = () => {};
  journal.gate = new Promise((resolve) => {
    open = resolve;
  });
  journal.add(1);
  tail.hint(1);
  await until('the read has begun', () => journal.queries === 2);
  tail.committed(journal.add(1));
  assert.deepEqual(taken, []);
  open();
  await until('both', () => taken.length === 2);
  assert.deepEqual(taken, [1, 2]);
});

test('without any news it looks by itself', async (t) => {
  const { journal, taken } = follow(t, { lookEveryMs: 20 });
  journal.add(5);
  await until('all five', () => taken.length === 5);
});

test('a long history comes in batches, the next one when the last was taken', async (t) => {
  const sizes: number[] = [];
  let under = 0;
  const { journal, tail, idle } = follow(t, {
    batch: 10,
    take: async (entries) => {
      assert.equal(++under, 1, 'one batch at a time');
      sizes.push(entries.length);
      await new Promise((resolve) => setImmediate(resolve));
      under--;
    },
  });
  await idle();
  journal.add(25);
  tail.hint(25);
  await until('all of it', () => tail.position === 25);
  assert.deepEqual(sizes, [10, 10, 5]);
  tail.committed(journal.add(2));
  tail.committed(journal.add(2));
  await until('the rest', () => tail.position === 29);
  assert.equal(
    sizes.reduce((sum, size) => sum + size),
    29,
  );
});

test('while the journal does not answer that can be seen, and nothing is missing afterwards', async (t) => {
  const { journal, tail, taken, changes, idle } = follow(t);
  await idle();
  journal.fails = 'the database is away';
  journal.add(2);
  tail.hint(2);
  await until('the failure shows', () => tail.failure !== undefined);
  assert.equal(tail.failure?.reason, 'the database is away');
  const queries = journal.queries;
  for (let i = 0; i < 100; i++) tail.hint(3);
  assert.ok(journal.queries <= queries + 1, 'hints do not shorten the pause');
  journal.fails = undefined;
  tail.committed(journal.add(1));
  await until('everything', () => taken.length === 3);
  assert.deepEqual(taken, [1, 2, 3]);
  assert.equal(tail.failure, undefined);
  assert.deepEqual(changes, ['the database is away', undefined]);
});

test('what the taker refuses it is given again, before anything behind it', async (t) => {
  const taken: number[] = [];
  let refuse = true;
  const { journal, tail, changes } = follow(t, {
    take: async (entries) => {
      if (refuse) throw new Error('no room');
      taken.push(...entries.map(({ position }) => position));
    },
  });
  journal.add(2);
  tail.hint(2);
  await until('the refusal shows', () => tail.failure?.reason === 'no room');
  tail.committed(journal.add(1));
  refuse = false;
  await until('all three', () => taken.length === 3);
  assert.deepEqual(taken, [1, 2, 3]);
  assert.deepEqual(changes, ['no room', undefined]);
});

test('a database that went on from an older copy is found out, and followed from its end', async (t) => {
  const broken: number[] = [];
  const { journal, taken, tail } = follow(t, { lookEveryMs: 20, broken: (position) => broken.push(position) });
  journal.add(10);
  await until('all ten', () => taken.length === 10);
  // The copy had six of them, and others have been written since.
  journal.rows.length = 6;
  journal.fromMs = 1000;
  journal.add(5);
  await until('it is found out', () => broken.length === 1);
  assert.deepEqual(broken, [11]);
  tail.committed(journal.add(1));
  await until('it goes on', () => tail.position === 12);
  assert.equal(taken.at(-1), 12);
});

test('a database that ends before what was handed out is found out, be it that nothing was handed out yet', async (t) => {
  const broken: number[] = [];
  const { tail, journal, taken } = follow(t, { lookEveryMs: 20, broken: (position) => broken.push(position) }, 8);
  await until('it is found out', () => broken.length === 1);
  assert.deepEqual([broken, tail.position], [[0], 0]);
  journal.add(3);
  await until('it goes on', () => taken.length === 3);
  journal.rows.length = 1;
  await until('it is found out again', () => broken.length === 2);
  assert.deepEqual([broken, tail.position], [[0, 1], 1]);
});

test('closed, it waits for what is being taken and hands out nothing more', async (t) => {
  let done = false;
  let finish = () => {};
  const { journal, tail, idle } = follow(t, {
    take: () =>
      new Promise((resolve) => {
        finish = () => {
          done = true;
          resolve();
        };
      }),
  });
  await idle();
  tail.committed(journal.add(1));
  const closing = tail.close();
  tail.committed(journal.add(1));
  finish();
  await closing;
  assert.equal(done, true);
  assert.equal(tail.position, 1);
});

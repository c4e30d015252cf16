import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Committer } from '../../../runtime/committer.ts';
import { entityId } from '../../../runtime/ids.ts';
import type { Append, Appended, Journal, JournalEntry } from '../../../runtime/journal.ts';
import { turn } from '../../contract/storage-support.ts';

const pump = entityId('asset', 'pump-1');
const valve = entityId('asset', 'valve-1');

/** A journal that takes what it is given, and may keep silent about it. */
class SilentJournal {
  readonly rows: Pick<JournalEntry, 'entity' | 'seq' | 'epoch' | 'position'>[] = [];
  answers: 'all' | 'none, though it has them' | 'none, and has nothing' = 'all';
  readable = true;

  readonly journal: Pick<Journal, 'append' | 'events'> = {
    append: async (batch) => {
      const appended = this.answers === 'none, and has nothing' ? [] : batch.map((append) => this.#take(append));
      if (this.answers !== 'all') throw new Error('no answer');
      return appended;
    },
    events: async (entity, afterSeq) => {
      if (!this.readable) throw new Error('not readable');
      return this.rows.filter((row) => row.entity === entity && row.seq > afterSeq) as JournalEntry[];
    },
  };

  #take({ entity, firstSeq, epoch, events }: Append): Appended {
    const firstPosition = this.rows.length + 1;
    for (let nth = 0; nth < events.length; nth++)
      this.rows.push({ entity, epoch, seq: firstSeq + nth, position: this.rows.length + 1 });
    return { kind: 'committed', firstPosition };
  }
}

function committerOn(silent: SilentJournal) {
  const told: string[] = [];
  const committer = new Committer(silent.journal as Journal, {
    committed: ({ entity, firstSeq }, position) => told.push(`${entity} ${firstSeq} at ${position}`),
    found: ({ effects }) => told.push(...effects.map(({ effect }) => `begin ${effect}`)),
    outcome: () => {},
  });
  return { committer, told };
}

test('a batch that has no answer and is in the journal is made known before anything that comes after it', async () => {
  const silent = new SilentJournal();
  const { committer, told } = committerOn(silent);
  await committer.append(turn(pump, 1));
  silent.answers = 'none, though it has them';
  await assert.rejects(
    Promise.all([committer.append(turn(pump, 2, { effects: ['a write'] })), committer.append(turn(valve, 1))]),
  );
  silent.answers = 'all';
  await committer.append(turn(pump, 3));
  await committer.settle();
  assert.deepEqual(told, [
    'asset/pump-1 1 at 1',
    'begin a write',
    'asset/pump-1 2 at 2',
    'asset/valve-1 1 at 3',
    'asset/pump-1 3 at 4',
  ]);
});

test('it is made known as soon as the journal answers again, also when nothing comes after it', async () => {
  const silent = new SilentJournal();
  const { committer, told } = committerOn(silent);
  silent.answers = 'none, though it has them';
  await assert.rejects(committer.append(turn(pump, 1)));
  silent.readable = false;
  await assert.rejects(committer.settle());
  assert.deepEqual(told, []);
  silent.readable = true;
  await Promise.all([committer.settle(), committer.settle()]);
  assert.deepEqual(told, ['asset/pump-1 1 at 1'], 'once');
});

test('nothing is appended as long as it is not known what became of a batch', async () => {
  const silent = new SilentJournal();
  const { committer, told } = committerOn(silent);
  silent.answers = 'none, though it has them';
  await assert.rejects(committer.append(turn(pump, 1)));
  silent.answers = 'all';
  silent.readable = false;
  await assert.rejects(committer.append(turn(valve, 1)), /not readable/);
  assert.equal(silent.rows.length, 1);
  silent.readable = true;
  await committer.append(turn(valve, 1));
  assert.deepEqual(told, ['asset/pump-1 1 at 1', 'asset/valve-1 1 at 2']);
});

test('what the journal does not have, or has from another owner, is nothing to tell of', async () => {
  const silent = new SilentJournal();
  const { committer, told } = committerOn(silent);
  silent.answers = 'none, and has nothing';
  await assert.rejects(
    Promise.all([committer.append(turn(pump, 1, { effects: ['a write'] })), committer.append(turn(valve, 1))]),
  );
  silent.rows.push({ entity: valve, seq: 1, epoch: 2, position: 1 });
  await committer.settle();
  assert.deepEqual(told, []);
});

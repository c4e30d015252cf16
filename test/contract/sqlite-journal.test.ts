import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { test } from 'node:test';
import { entityId } from '../../runtime/ids.ts';
import { openJournal } from '../../runtime/sql/open.ts';
import { tempDir } from '../support/temp-dir.ts';
import { journalContract } from './journal.contract.ts';
import { turn } from './storage-support.ts';

test('a journal that was restored and grew past what a client saw of the original does not take it for its own', async (t) => {
  const { dir, remove } = tempDir('journal');
  const copy = tempDir('journal-copy');
  t.after(() => {
    remove();
    copy.remove();
  });
  const pump = entityId('asset', 'pump-1');
  const append = async ({ journal, claims }: Awaited<ReturnType<typeof openJournal>>, seqs: readonly number[]) => {
    const epoch = await claims.claimAllShards('test');
    for (const seq of seqs) await journal.append([turn(pump, seq, { epoch })]);
    return journal.identity();
  };
  const original = await openJournal(dir);
  const first = await append(original, [1, 2]);
  await original.close();
  cpSync(dir, copy.dir, { recursive: true });
  const goneOn = await openJournal(dir);
  const second = await append(goneOn, [3, 4]);
  await goneOn.close();
  const restored = await openJournal(copy.dir);
  await append(restored, [3, 4, 5]);
  assert.equal(await restored.journal.includes(first, 2), true, 'both have these rows');
  assert.equal(await restored.journal.includes(first, 3), false);
  assert.equal(await restored.journal.includes(second, 4), false);
  await restored.close();
});

journalContract('the SQLite journal', async (t) => {
  const { dir, remove } = tempDir('journal');
  let opened = await openJournal(dir);
  t.after(async () => {
    await opened.close();
    remove();
  });
  const claimAgain = async () => {
    const other = await openJournal(dir);
    const epoch = await other.claims.claimAllShards('second');
    await other.close();
    return epoch;
  };
  return {
    journal: opened.journal,
    epoch: await opened.claims.claimAllShards('first'),
    claimAgain,
    // The process is the server.
    serveAgain: claimAgain,
    reopen: async () => {
      await opened.close();
      opened = await openJournal(dir);
      return opened.journal;
    },
  };
});

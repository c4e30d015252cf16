import type { TestContext } from 'node:test';
import { openJournal } from '../../runtime/sql/open.ts';
import { tempDir } from '../support/temp-dir.ts';
import { deadLetterStoreContract } from './dead-letter-store.contract.ts';
import { journalFenceContract } from './journal-fence.contract.ts';
import { journalReadingContract } from './journal-reading.contract.ts';
import { turn } from './storage-support.ts';
import { tokenStoreContract } from './token-store.contract.ts';

async function open(t: TestContext) {
  const { dir, remove } = tempDir('stores');
  const opened = await openJournal(dir);
  t.after(async () => {
    await opened.close();
    remove();
  });
  return opened;
}

tokenStoreContract('tokens in SQLite', async (t) => (await open(t)).tokens);
deadLetterStoreContract('dead letters in SQLite', async (t) => (await open(t)).deadLetters);
journalFenceContract('the SQLite journal', open);
journalReadingContract('the SQLite journal', async (t) => {
  const { journal, claims } = await open(t);
  const epoch = await claims.claimAllShards('test');
  return {
    journal,
    add: async (facts) => {
      const heads = new Map<string, number>();
      for (const { entity, kind, timeMs, by } of facts) {
        const seq = (heads.get(entity) ?? 0) + 1;
        heads.set(entity, seq);
        await journal.append([turn(entity, seq, { epoch, kinds: [kind], timeMs, by })]);
      }
    },
  };
});

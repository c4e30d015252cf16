import { openJournal } from '../../runtime/sql/open.ts';
import { tempDir } from '../support/temp-dir.ts';
import { journalContract } from './journal.contract.ts';

journalContract('the SQLite journal', async (t) => {
  const { dir, remove } = tempDir('journal');
  let opened = await openJournal(dir);
  t.after(async () => {
    await opened.close();
    remove();
  });
  return {
    journal: opened.journal,
    epoch: await opened.claims.claimAllShards('first'),
    claimAgain: async () => {
      const other = await openJournal(dir);
      const epoch = await other.claims.claimAllShards('second');
      await other.close();
      return epoch;
    },
    reopen: async () => {
      await opened.close();
      opened = await openJournal(dir);
      return opened.journal;
    },
  };
});

import { openJournal } from '../../runtime/sql/open.ts';
import { openPostgres } from '../../runtime/sql/open-postgres.ts';
import { postgresAddress } from '../../runtime/sql/postgres-url.ts';
import { SharedPostgres } from '../support/servers/postgres.ts';
import { tempDir } from '../support/temp-dir.ts';
import { journalReplicasContract } from './journal-replicas.contract.ts';

journalReplicasContract('journals of cells in SQLite', async (t) => {
  const { dir, remove } = tempDir('replicas');
  const opened = await openJournal(dir);
  t.after(async () => {
    await opened.close();
    remove();
  });
  return opened;
});

const shared = new SharedPostgres();
journalReplicasContract(
  'journals of cells in PostgreSQL',
  async (t) => {
    const store = await openPostgres(postgresAddress(await shared.database(), {}));
    t.after(() => store.close());
    return store;
  },
  { skip: shared.skip },
);

import { openJournal } from '../../runtime/sql/open.ts';
import { openPostgres } from '../../runtime/sql/open-postgres.ts';
import { postgresAddress } from '../../runtime/sql/postgres-url.ts';
import { SharedPostgres } from '../support/servers/postgres.ts';
import { tempDir } from '../support/temp-dir.ts';
import { uplinkMemoryContract } from './uplink-memory.contract.ts';

uplinkMemoryContract('memory of an uplink in SQLite', async (t) => {
  const { dir, remove } = tempDir('uplink-memory');
  const opened = await openJournal(dir);
  t.after(async () => {
    await opened.close();
    remove();
  });
  return opened.uplinkMemory;
});

const shared = new SharedPostgres();
uplinkMemoryContract(
  'memory of an uplink in PostgreSQL',
  async (t) => {
    const store = await openPostgres(postgresAddress(await shared.database(), {}));
    t.after(() => store.close());
    return store.uplinkMemory;
  },
  { skip: shared.skip },
);

import { openJournal } from '../../runtime/sql/open.ts';
import { openPostgres } from '../../runtime/sql/open-postgres.ts';
import { postgresAddress } from '../../runtime/sql/postgres-url.ts';
import { SharedPostgres } from '../support/servers/postgres.ts';
import { tempDir } from '../support/temp-dir.ts';
import { keptCommandsContract } from './kept-commands.contract.ts';

keptCommandsContract('kept commands in SQLite', async (t) => {
  const { dir, remove } = tempDir('kept-commands');
  const opened = await openJournal(dir);
  t.after(async () => {
    await opened.close();
    remove();
  });
  return opened.keptCommands;
});

const shared = new SharedPostgres();
keptCommandsContract(
  'kept commands in PostgreSQL',
  async (t) => {
    const store = await openPostgres(postgresAddress(await shared.database(), {}));
    t.after(() => store.close());
    return store.keptCommands;
  },
  { skip: shared.skip },
);

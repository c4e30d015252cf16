import path from 'node:path';
import { sql } from 'kysely';
import { JOURNAL_FILE, openJournal } from '../../runtime/sql/open.ts';
import type { JournalSchema } from '../../runtime/sql/schema.ts';
import { kyselyOn, openSqliteFile } from '../../runtime/sql/sqlite.ts';
import { tempDir } from '../support/temp-dir.ts';
import { clusterRowsContract, LEASE_MS } from './cluster-rows.contract.ts';

clusterRowsContract('the rows of a cell in SQLite', async (t) => {
  const { dir, remove } = tempDir('cluster-rows');
  const opened = [await openJournal(dir, { leaseTtlMs: LEASE_MS })];
  const beside = kyselyOn<JournalSchema>(openSqliteFile(path.join(dir, JOURNAL_FILE)));
  t.after(async () => {
    for (const store of opened) await store.close();
    await beside.destroy();
    remove();
  });
  const [first] = opened;
  if (!first) throw new Error('nothing was opened');
  return {
    rows: first.cluster,
    age: async (ms) => {
      await sql`update node set beat_ms = beat_ms - ${ms}`.execute(beside);
    },
    another: async () => {
      const store = await openJournal(dir, { leaseTtlMs: LEASE_MS });
      opened.push(store);
      return store.cluster;
    },
  };
});

import { workerData } from 'node:worker_threads';
import { z } from 'zod';
import { SqlDeadLetters } from './dead-letters.ts';
import { migrate, SQLITE_TYPES } from './migrations.ts';
import { serve } from './rpc.ts';
import type { JournalSchema } from './schema.ts';
import { SqlJournal } from './sql-journal.ts';
import { kyselyOn, openSqliteFile } from './sqlite.ts';
import { SqlTokens } from './tokens.ts';

const { file } = z.object({ file: z.string() }).parse(workerData);

await serve(async () => {
  const db = kyselyOn<JournalSchema>(openSqliteFile(file));
  try {
    await migrate(db, SQLITE_TYPES);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return {
    parts: {
      journal: new SqlJournal(db, { rowLocks: false }),
      deadLetters: new SqlDeadLetters(db),
      tokens: new SqlTokens(db),
    },
    close: () => db.destroy(),
  };
});

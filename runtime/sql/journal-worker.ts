import { workerData } from 'node:worker_threads';
import { z } from 'zod';
import { SqlDeadLetters } from './dead-letters.ts';
import { SQLITE } from './dialect.ts';
import { SqlJournalSpace } from './journal-space.ts';
import { SqlKeptCommands } from './kept-commands.ts';
import { SqlClusterRows } from './leases.ts';
import { migrate } from './migrations.ts';
import { SqlReplicas } from './replicas.ts';
import { serve } from './rpc.ts';
import type { JournalSchema } from './schema.ts';
import { SqlJournal } from './sql-journal.ts';
import { kyselyOn, openSqliteFile } from './sqlite.ts';
import { SqlTokens } from './tokens.ts';
import { SqlUplinkMemory } from './uplink-memory.ts';

const { file, leaseTtlMs } = z.object({ file: z.string(), leaseTtlMs: z.number() }).parse(workerData);

await serve(async () => {
  const db = kyselyOn<JournalSchema>(openSqliteFile(file));
  try {
    await migrate(db, SQLITE);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return {
    parts: {
      journal: new SqlJournal(db, SQLITE),
      deadLetters: new SqlDeadLetters(db, SQLITE),
      tokens: new SqlTokens(db),
      cluster: new SqlClusterRows(db, SQLITE, { leaseTtlMs }),
      replicas: new SqlReplicas(db, SQLITE),
      keptCommands: new SqlKeptCommands(db),
      uplinkMemory: new SqlUplinkMemory(db),
      space: new SqlJournalSpace(db),
    },
    close: () => db.destroy(),
  };
});

/**
 * Goal: how many turns a second each journal takes, SQLite beside PostgreSQL in one run on one machine. Method: one event and
 * one command a turn, some 300 bytes; first one turn after the other, which is the way to the disk and back, then batches as
 * the group commit makes them under load, by one writer and by four at once on entities of their own. PostgreSQL is a private
 * server with its defaults (fsync on); with DATABASE_URL it is that one, in an empty database that is left as it is after.
 *
 *     node --import ./test/support/register.mjs test/bench/journal.ts [seconds=2] [batch=256]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { entityId } from '../../runtime/ids.ts';
import type { Append } from '../../runtime/journal.ts';
import { type JournalStore, openJournal } from '../../runtime/sql/open.ts';
import { openPostgres } from '../../runtime/sql/open-postgres.ts';
import { postgresAddress } from '../../runtime/sql/postgres-url.ts';
import { turn } from '../contract/storage-support.ts';
import { NO_POSTGRES, PostgresServer } from '../support/servers/postgres.ts';

const [seconds = 2, batchSize = 256] = process.argv.slice(2).map(Number);
const NOTE = 'the level in the tank went over the limit that the rule sets, and stayed there for as long as it says';

/** Turns of entities that nobody else writes to, each entity in order. */
function turnsOf(writer: string, epoch: number): (count: number) => Append[] {
  const entities = Array.from({ length: 64 }, (_, n) => entityId('asset', `${writer}-${n}`));
  let made = 0;
  return (count) =>
    Array.from({ length: count }, () => {
      const n = made++;
      const entity = entities[n % entities.length] ?? entityId('asset', 'none');
      const given = { epoch, shard: n % entities.length, commandId: `${writer}-${n}`, answer: { note: NOTE } };
      return turn(entity, 1 + Math.floor(n / entities.length), given);
    });
}

async function turnsPerSecond(store: JournalStore, epoch: number, writers: number, size: number, name: string) {
  const endMs = performance.now() + seconds * 1000;
  const startMs = performance.now();
  let turns = 0;
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      const next = turnsOf(`${name}-${writer}`, epoch);
      while (performance.now() < endMs) {
        const answers = await store.journal.append(next(size));
        if (answers.some(({ kind }) => kind !== 'committed')) throw new Error('a turn was refused');
        turns += size;
      }
    }),
  );
  return Math.round(turns / ((performance.now() - startMs) / 1000));
}

async function measure(name: string, store: JournalStore): Promise<void> {
  const epoch = await store.claims.claimAllShards('bench');
  // Statements are prepared and pages allocated before anything is counted.
  await store.journal.append(turnsOf('warm', epoch)(batchSize));
  const single = await turnsPerSecond(store, epoch, 1, 1, 'single');
  const batched = await turnsPerSecond(store, epoch, 1, batchSize, 'batched');
  const four = await turnsPerSecond(store, epoch, 4, batchSize, 'four');
  const column = (figure: number) => String(figure).padStart(9);
  console.log(`${name.padEnd(12)}${column(single)}${column(batched)}${column(four)}`);
}

const dir = mkdtempSync(path.join(tmpdir(), 'signalbox-journal-'));
console.log(`turns/s     one by one  of ${batchSize}  4 writers`);
try {
  const sqlite = await openJournal(dir);
  await measure('SQLite', sqlite);
  await sqlite.close();
  const url = process.env.DATABASE_URL;
  if (url === undefined && NO_POSTGRES !== false) {
    console.log(NO_POSTGRES);
  } else {
    const server = url === undefined ? await PostgresServer.start() : undefined;
    const postgres = await openPostgres(postgresAddress(url ?? (await server?.newDatabase()) ?? '', process.env));
    await measure('PostgreSQL', postgres);
    await postgres.close();
    await server?.remove();
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}

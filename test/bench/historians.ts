/**
 * Goal: what a historian on a server takes in and how fast it answers, beside the one on files. Method: one telemetry log
 * is filled with a day of one-second readings of one device and a burst of many; each historian, one after the other,
 * reads that log from its beginning, then answers the same questions; all have to give as many rows.
 *
 *     node --import ./test/support/register.mjs test/bench/historians.ts [frames=50000] [devices=1000]
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Frame } from '../../actors/frame.ts';
import { openHistorian } from '../../gateways/historian/open.ts';
import { openServerHistorian } from '../../gateways/historian/open-server.ts';
import type { ServerStore } from '../../gateways/historian/server-store.ts';
import type { Historian } from '../../runtime/historian.ts';
import { type EntityId, entityId } from '../../runtime/ids.ts';
import type { LogRecord } from '../../runtime/log.ts';
import { SqlLog } from '../../runtime/sql/sql-log.ts';
import { NO_POSTGRES, PostgresServer } from '../support/servers/postgres.ts';
import { QuestDb, withoutQuestDb } from '../support/servers/questdb.ts';
import { tempDir } from '../support/temp-dir.ts';

const [frames = 50_000, devices = 1000] = process.argv.slice(2).map(Number);
const DAY_S = 86_400;
const START_MS = Date.UTC(2026, 0, 5);
const POINTS = Array.from({ length: 10 }, (_, index) => `temperature-${index}`);
const ONE_POINT = ['level'];
const WATCHED = entityId('device', 'watched');
const ids = Array.from({ length: devices }, (_, index) => entityId('device', `pump-${index}`));

function record(source: EntityId, points: readonly string[], timeMs: number, step: number): LogRecord {
  const values = points.map((_, point) => Math.round(200 + 100 * Math.sin(step / 50 + point)) / 10);
  const observation: Frame = {
    deviceTimeMs: timeMs,
    gatewayTimeMs: timeMs + 4,
    points,
    values,
    quality: null,
    reasons: null,
    times: null,
  };
  return { source, observation };
}

/** A day of one device, and after midnight the burst of all the others: in order, as a stream is. */
async function fill(log: SqlLog): Promise<number> {
  let batch: LogRecord[] = [];
  const add = async (one: LogRecord) => {
    batch.push(one);
    if (batch.length < 1000) return;
    await log.append(batch);
    batch = [];
  };
  for (let second = 0; second < DAY_S; second++)
    await add(record(WATCHED, ONE_POINT, START_MS + second * 1000, second));
  for (let made = 0; made < frames; made++) {
    const source = ids[made % devices] ?? WATCHED;
    const timeMs = START_MS + DAY_S * 1000 + Math.floor(made / devices) * 1000;
    await add(record(source, POINTS, timeMs, Math.floor(made / devices)));
  }
  await log.append(batch);
  return DAY_S + frames * POINTS.length;
}

async function measure(name: string, rows: number, historian: Historian, end: number): Promise<unknown> {
  const startMs = performance.now();
  await historian.caughtUp(end);
  const perSecond = rows / ((performance.now() - startMs) / 1000);
  console.log(`\n${name}\n  taking in                 ${Math.round(perSecond)} readings/s, ${rows} of them`);
  const query = { entity: WATCHED, series: 'level', limit: 100_000 };
  const hour = { ...query, fromMs: START_MS + 43_200_000, toMs: START_MS + 46_800_000 };
  const day = { ...query, fromMs: START_MS, toMs: START_MS + DAY_S * 1000 };
  const answers = [
    await time('1 h of 1 s samples', () => historian.raw(hour)),
    await time('1 day by minutes', () => historian.windows({ ...day, windowMs: 60_000 })),
    await time('1 day by hours', () => historian.windows({ ...day, windowMs: 3_600_000 })),
    await time('the newest 100 samples', () => historian.raw({ ...day, limit: 100, newestFirst: true })),
  ];
  const { bytes } = await historian.statistics();
  console.log(`  on disk                   ${(Number(bytes) / rows).toFixed(1)} bytes a reading`);
  return answers.map((rows) => rows.length);
}

async function time(what: string, ask: () => Promise<readonly unknown[]>): Promise<readonly unknown[]> {
  const rows = await ask();
  const startMs = performance.now();
  for (let round = 0; round < 5; round++) await ask();
  console.log(`  ${what.padEnd(25)} ${((performance.now() - startMs) / 5).toFixed(1)} ms (${rows.length} rows)`);
  return rows;
}

const { dir, remove } = tempDir('historians');
const logFile = path.join(dir, 'telemetry.db');
const log = await SqlLog.open({ file: logFile });
const closing: (() => Promise<void>)[] = [() => log.close()];

/** Twice, each time into tables of its own: a server that has just started has not compiled its own code yet. */
async function onServer(name: string, storeOf: (round: number) => Promise<ServerStore>, rows: number, end: number) {
  let answers: unknown;
  for (let round = 1; round <= 2; round++) {
    const historian = await openServerHistorian({ store: await storeOf(round), log, logFile });
    answers = await measure(round === 1 ? `${name}, just started` : name, rows, historian, end);
    await historian.close();
  }
  return answers;
}

try {
  const rows = await fill(log);
  const end = await log.end();
  // What is in memory is written every 200,000 values, so that bytes on the disk are those of nearly all.
  const files = await openHistorian({ dir: path.join(dir, 'history'), logFile, log, maxBufferedCells: 200_000 });
  const expected = await measure('SQLite', rows, files, end);
  await files.close();
  const noQuestDb = withoutQuestDb();
  if (noQuestDb) console.log(`\nQuestDB: ${noQuestDb}`);
  else {
    const server = await QuestDb.start(dir, 'usual');
    closing.push(() => server.kill());
    const store = async (round: number) => ({ kind: 'questdb', url: server.url, prefix: `round${round}` }) as const;
    assert.deepEqual(await onServer('QuestDB', store, rows, end), expected);
    await server.kill();
  }
  if (NO_POSTGRES) console.log(`\nPostgreSQL: ${NO_POSTGRES}`);
  else {
    const server = await PostgresServer.start({ settings: { shared_buffers: '256MB', max_wal_size: '4GB' } });
    closing.push(() => server.remove());
    const store = async () => ({ kind: 'postgresql', url: await server.newDatabase() }) as const;
    assert.deepEqual(await onServer('PostgreSQL', store, rows, end), expected);
  }
} finally {
  for (const close of closing.reverse()) await close();
  remove();
}

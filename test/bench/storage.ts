/**
 * Goal: what one frame of ten readings costs in storage, in processor time of all threads together, and how fast history
 * answers. Method: frames of many devices go into the log at a steady rate in batches as the node makes them, first with
 * the log alone, then with the historian reading along; making the frames is measured apart and taken off. Run it
 * on a quiet machine.
 *
 *     node --import ./test/support/register.mjs test/bench/storage.ts [framesPerSecond=35000] [devices=1000] [seconds=10]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Frame } from '../../actors/frame.ts';
import { openHistorian } from '../../gateways/historian/open.ts';
import { type EntityId, entityId } from '../../runtime/ids.ts';
import type { LogRecord } from '../../runtime/log.ts';
import { openSqlite } from '../../runtime/sql/open.ts';

const [framesPerSecond = 35_000, devices = 1000, seconds = 10] = process.argv.slice(2).map(Number);
const BATCHES_PER_SECOND = 200;
const POINTS = Array.from({ length: 10 }, (_, index) => `temperature-${index}`);
const ids: EntityId[] = Array.from({ length: devices }, (_, index) => entityId('device', `pump-${index}`));
const START_MS = Date.UTC(2026, 0, 5, 10);

let made = 0;
function makeBatch(): LogRecord[] {
  const count = Math.round(framesPerSecond / BATCHES_PER_SECOND);
  const records: LogRecord[] = [];
  for (let index = 0; index < count; index++) {
    const scan = Math.floor(made / devices);
    const deviceTimeMs = START_MS + Math.floor((scan * 1000 * devices) / framesPerSecond);
    const values = POINTS.map((_, point) => Math.round(200 + 100 * Math.sin(scan / 50 + point)) / 10);
    const observation: Frame = {
      deviceTimeMs,
      gatewayTimeMs: deviceTimeMs + 4,
      points: POINTS,
      values,
      quality: null,
      reasons: null,
      times: null,
    };
    records.push({ source: ids[made % devices] ?? entityId('device', 'none'), observation });
    made += 1;
  }
  return records;
}

/** Processor time of the work in µs, all threads. */
async function steadily(append: (records: LogRecord[]) => unknown): Promise<number> {
  const before = process.cpuUsage();
  const startMs = performance.now();
  for (let batch = 0; batch < seconds * BATCHES_PER_SECOND; batch++) {
    append(makeBatch());
    const aheadMs = ((batch + 1) * 1000) / BATCHES_PER_SECOND - (performance.now() - startMs);
    await (aheadMs > 0 ? new Promise((resolve) => setTimeout(resolve, aheadMs)) : new Promise(setImmediate));
  }
  const used = process.cpuUsage(before);
  return used.user + used.system;
}

const frames = framesPerSecond * seconds;
const perFrame = (cpuUs: number) => (cpuUs / frames).toFixed(2);
const memoryMb = () => (process.memoryUsage().rss / 1e6).toFixed(0);

const dir = mkdtempSync(path.join(tmpdir(), 'signalbox-storage-'));
try {
  const idleCpuUs = await steadily(() => undefined);
  console.log(`${framesPerSecond} frames/s of 10 readings, ${devices} devices, ${seconds} s`);
  const storage = await openSqlite(dir);
  await steadily(() => undefined);
  console.log(`memory with journal and log open   ${memoryMb()} MB`);
  const logCpuUs = (await steadily((records) => storage.log.append(records))) - idleCpuUs;
  console.log(`log append                         ${perFrame(logCpuUs)} µs a frame`);

  const historian = await openHistorian({ dir: path.join(dir, 'history'), logFile: storage.logFile, log: storage.log });
  const caughtUpMs = performance.now();
  await historian.caughtUp(await storage.log.end());
  const replayed = Number(await storage.log.end()) / ((performance.now() - caughtUpMs) / 1000);
  console.log(`historian catching up              ${Math.round(replayed)} frames/s`);
  const bothCpuUs = (await steadily((records) => storage.log.append(records))) - idleCpuUs;
  console.log(`log append and historian together  ${perFrame(bothCpuUs)} µs a frame, ${memoryMb()} MB`);

  const startMs = performance.now();
  await Promise.all(Array.from({ length: 300 }, () => storage.log.append(makeBatch())));
  console.log(
    `log append at full speed           ${Math.round((300 * framesPerSecond) / BATCHES_PER_SECOND / ((performance.now() - startMs) / 1000))} frames/s`,
  );

  // One hour of one-second data of one device, as a trend asks for it.
  const entity = entityId('device', 'hourly');
  const hour: LogRecord[] = Array.from({ length: 3600 }, (_, second) => {
    const deviceTimeMs = START_MS + second * 1000;
    const values = POINTS.map((_, point) => Math.round(200 + 100 * Math.sin(second / 50 + point)) / 10);
    const observation: Frame = {
      deviceTimeMs,
      gatewayTimeMs: deviceTimeMs,
      points: POINTS,
      values,
      quality: null,
      reasons: null,
      times: null,
    };
    return { source: entity, observation };
  });
  for (let from = 0; from < hour.length; from += 30) await storage.log.append(hour.slice(from, from + 30));
  await historian.caughtUp(await storage.log.end());
  const query = { entity, series: 'temperature-3', fromMs: START_MS, toMs: START_MS + 3_600_000, limit: 10_000 };
  await time('1 h of 1 s samples, in memory', () => historian.raw(query));
  await time('1 h by minutes, in memory', () => historian.windows({ ...query, windowMs: 60_000 }));
  await historian.close();
  console.log(`historian on disk                  ${(await bytesAFrame()).toFixed(0)} bytes a frame`);
  const reopened = await openHistorian({ dir: path.join(dir, 'history'), logFile: storage.logFile });
  await time('1 h of 1 s samples, from disk', () => reopened.raw(query));
  await time('1 h by minutes, from disk', () => reopened.windows({ ...query, windowMs: 60_000 }));
  await reopened.close();
  await storage.close();

  async function bytesAFrame(): Promise<number> {
    const other = await openHistorian({ dir: path.join(dir, 'history'), logFile: storage.logFile });
    const { bytes } = await other.statistics();
    await other.close();
    return Number(bytes) / (await storage.log.end());
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}

async function time(what: string, ask: () => Promise<readonly unknown[]>): Promise<void> {
  const rows = (await ask()).length;
  const startMs = performance.now();
  for (let round = 0; round < 20; round++) await ask();
  console.log(`${what.padEnd(34)} ${((performance.now() - startMs) / 20).toFixed(2)} ms (${rows} rows)`);
}

/**
 * Goal: how fast the telemetry log takes records and hands them out, in the data folder and on NATS side by side, and what a
 * record costs this process. Method: frames of ten readings of many devices, made before; appended one by one as devices do,
 * so many in flight, then read from the beginning (SQLite) or followed (NATS). Both in one run on the same machine, since
 * figures of different runs are not comparable. NATS runs as a process of its own and shares the processors. Under the fence
 * all devices are in one shard, as those of one connection are, or in sixteen, each with one message on its way; without it
 * they are in all sixty-four.
 *
 *     node --import ./test/support/register.mjs test/bench/log.ts [records=60000] [devices=1000] [inFlight=2000]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { entityId } from '../../runtime/ids.ts';
import type { LogRecord, TelemetryLog } from '../../runtime/log.ts';
import { openNatsLog } from '../../runtime/nats/open.ts';
import { SqlLog } from '../../runtime/sql/sql-log.ts';
import { until } from '../support/condition.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';

const [count = 60_000, devices = 1000, inFlight = 2000] = process.argv.slice(2).map(Number);
const POINTS = Array.from({ length: 10 }, (_, index) => `temperature-${index}`);
const ids = Array.from({ length: devices }, (_, index) => entityId('device', `pump-${index}`));

const records: LogRecord[] = Array.from({ length: count }, (_, index) => {
  const deviceTimeMs = 1_760_000_000_000 + Math.floor(index / devices) * 100;
  const values = POINTS.map((_, point) => Math.round(200 + 100 * Math.sin(index / 50 + point)) / 10);
  const observation = {
    deviceTimeMs,
    gatewayTimeMs: deviceTimeMs + 4,
    points: POINTS,
    values,
    quality: null,
    reasons: null,
    times: null,
  };
  return { source: ids[index % devices] ?? entityId('device', 'none'), observation };
});

/** Rate and processor time of this process, in µs a record. */
async function measure(what: string, work: () => Promise<unknown>): Promise<void> {
  const before = process.cpuUsage();
  const startMs = performance.now();
  await work();
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(before);
  const perSecond = Math.round(count / seconds).toLocaleString('en');
  console.log(`${what.padEnd(34)} ${perSecond.padStart(9)} records/s  ${((user + system) / count).toFixed(2)} µs`);
}

/**
 * Each record by itself, as sources do, and so many of them unanswered at most.
 * @param shards that the devices are in, each under a claim; 0: without one
 */
async function appendAll(log: TelemetryLog, shards = 0): Promise<void> {
  for (let shard = 0; shard < shards; shard++)
    await log.claim?.({ shard, epoch: 1, journal: { identity: 'bench', position: 0 }, includes: async () => true });
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < records.length; index = next++) {
      const record = records[index];
      if (record === undefined) break;
      const under = { shard: (index % devices) % shards, epoch: 1 };
      await log.append([shards === 0 ? record : { ...record, under }]);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

async function readAll(log: TelemetryLog): Promise<void> {
  let position = 0;
  let read = 0;
  for (;;) {
    const batch = await log.read(position, 4096);
    if (batch.length === 0) break;
    position = batch.at(-1)?.position ?? position;
    read += batch.length;
  }
  if (read !== count) throw new Error(`${read} of ${count} were read`);
}

async function followAll(log: TelemetryLog, wanted: boolean): Promise<void> {
  const end = await log.end();
  let taken = 0;
  const feed = log.follow?.(0, { wants: () => wanted, take: (some) => (taken += some.length) });
  if (!feed) throw new Error('this log cannot be followed');
  await until('the feed is at the end', () => feed.position >= end, 60_000);
  feed.stop();
  if (taken !== (wanted ? count : 0)) throw new Error(`${taken} of ${count} were taken`);
}

/** From one record that is appended alone to the moment at which its follower has it. */
async function latency(log: TelemetryLog): Promise<void> {
  const tookMs: number[] = [];
  let arrived = () => {};
  const feed = log.follow?.(await log.end(), { wants: () => true, take: () => arrived() });
  const one = records[0];
  if (!one) return;
  for (let round = 0; round < 200; round++) {
    const startMs = performance.now();
    const delivered = new Promise<void>((resolve) => (arrived = resolve));
    await Promise.all([log.append([one]), feed ? delivered : undefined]);
    tookMs.push(performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  feed?.stop();
  tookMs.sort((a, b) => a - b);
  const [half, most] = [tookMs[100] ?? 0, tookMs[198] ?? 0];
  console.log(
    `  alone, ${feed ? 'acknowledged and followed' : 'acknowledged'}: p50 ${half.toFixed(2)} ms, p99 ${most.toFixed(2)} ms`,
  );
}

console.log(`${count} frames of ten readings, ${devices} devices, ${inFlight} in flight`);
const dir = mkdtempSync(path.join(tmpdir(), 'signalbox-log-'));
const server = noNats === false ? await NatsServer.start() : undefined;
try {
  const sqlite = await SqlLog.open({ file: path.join(dir, 'telemetry.db') });
  await measure('SQLite  append', () => appendAll(sqlite));
  await measure('SQLite  read', () => readAll(sqlite));
  await latency(sqlite);
  await sqlite.close();
  if (server) {
    const at = (prefix: string) =>
      openNatsLog({
        url: server.url,
        name: 'bench',
        startTimeoutMs: 10_000,
        prefix,
        replicas: 1,
        maxAgeMs: 86_400_000,
      });
    const nats = await at('bench');
    await measure('NATS    append', () => appendAll(nats));
    for (const shards of [1, 16]) {
      const fenced = await at(`fenced-${shards}`);
      await measure(`NATS    append, fence, shards: ${shards}`, () => appendAll(fenced, shards));
      await fenced.close();
    }
    await measure('NATS    read', () => readAll(nats));
    await measure('NATS    follow', () => followAll(nats, true));
    await measure('NATS    follow, none is wanted', () => followAll(nats, false));
    await latency(nats);
    await nats.close();
  }
} finally {
  await server?.remove();
  rmSync(dir, { recursive: true, force: true });
}

/**
 * What a day without its uplink costs an edge and its centre: the built product twice, as centre and as `start --cell edge-7`,
 * with mosquitto, nats-server and a way between them that is cut. While it is cut the edge gets what its meters have in a day: it is
 * ended, its log is filled with frames like those that it had, with the time of now, and started again, whereupon it takes all of
 * it through its actors as after a crash. So the amount is that of a day, the time is not.
 * Then the way is there again and the meters publish each second what is now. This measures how soon the centre shows it while the
 * day follows, and how fast that is beside what is allowed; and it holds what the centre has against what was sent: each frame once
 * and in order, but for those that were counted as dropped, and every alarm event.
 *
 *   node --import ./test/support/register.mjs test/bench/edge-day.ts --devices 10 --points 10 --every 5
 *     [--backfill-bytes 500000]    what the edge may send late in a second
 *     [--budget 50000000]          a disk that the day does not fit on
 *     [--chaos 7]                  with kills, cuts and a restart of NATS, drawn by this seed
 *
 * Needs mosquitto, nats-server and `npm run build`.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { connectAsync } from 'mqtt';
import { Random } from '../../simulators/plant/random.ts';
import { until } from '../support/condition.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { Product } from '../support/product.ts';
import { NatsServer } from '../support/servers/nats.ts';
import { TcpProxy } from '../support/servers/tcp-proxy.ts';
import { tempDir } from '../support/temp-dir.ts';
import { statusMb } from './box.ts';
import { checkOrder, readMessages, readStored } from './edge-day-centre.ts';
import { CELL, DayMeters, writeDayPlant } from './edge-day-plant.ts';

const LATE_MS = 12_000;
const SETTLED_WITHIN_MS = 900_000;
const STARTED_WITHIN_MS = 600_000;
/** It looks each half minute, and drops nothing that is not covered by a snapshot yet. */
const ROOM_WITHIN_MS = 300_000;
const LINE_EVERY = 12;

const { values: given } = parseArgs({
  options: {
    devices: { type: 'string', default: '10' },
    points: { type: 'string', default: '10' },
    every: { type: 'string', default: '5' },
    budget: { type: 'string' },
    chaos: { type: 'string' },
    'backfill-bytes': { type: 'string', default: '500000' },
  },
});
const size = { devices: Number(given.devices), points: Number(given.points), every: Number(given.every) };
const allowed = Number(given['backfill-bytes']);
const chaos = given.chaos === undefined ? undefined : new Random(Number(given.chaos));

const temp = tempDir('bench-edge-day');
const [nats, broker] = await Promise.all([
  NatsServer.start(),
  Mosquitto.start(temp.dir, ['max_inflight_messages 200', 'max_queued_messages 0']),
]);
const proxy = await TcpProxy.start(nats.port);
const topology = writeDayPlant(temp.dir, broker.url, size);
const centre = await Product.start({
  dataDir: path.join(temp.dir, 'centre'),
  topology,
  environment: { SIGNALBOX_NATS_URL: nats.url, SIGNALBOX_REQUESTS_PER_MINUTE: '1000000' },
});
const edgeDir = path.join(temp.dir, 'edge');
const edge = await Product.start({
  dataDir: edgeDir,
  topology,
  args: ['--cell', CELL],
  startWithinMs: STARTED_WITHIN_MS,
  environment: {
    // As the first line of the program has them, which is passed over here: its memory is the matter.
    NODE_OPTIONS: '--v8-pool-size=1 --max-semi-space-size=4',
    SIGNALBOX_UPLINK_URL: proxy.url,
    SIGNALBOX_UPLINK_BACKFILL_BYTES_PER_SECOND: given['backfill-bytes'],
    SIGNALBOX_REQUESTS_PER_MINUTE: '1000000',
    ...(given.budget !== undefined && { SIGNALBOX_DISK_BUDGET_BYTES: given.budget }),
  },
});
const mqtt = await connectAsync(broker.url);
const meters = new DayMeters(size);
let live: NodeJS.Timeout | undefined;
let peakMb = 0;
const watching = setInterval(() => {
  peakMb = Math.max(peakMb, memoryMb(edge));
}, 250);

try {
  await until('the link is there', async () => (await uplink()).includes('events 0.0 s'), 60_000);
  for (let device = 0; device < size.devices; device++) await meters.publish(mqtt, device, 20);
  await until('there is a frame of each', async () => (await readStored(nats)).frames === size.devices, 60_000);
  await until('and the edge knows', async () => (await uplink()).includes('telemetry 0.0 s behind'), 60_000);
  proxy.cut();
  await until('the edge knows', async () => (await uplink()).includes('no link'), 30_000);
  const beforeMb = memoryMb(edge);
  await edge.kill();
  await meters.fill(edgeDir);
  const filledMb = mb(folderBytes(edgeDir));
  const fromMs = performance.now();
  await edge.restart();
  const killed = chaos === undefined ? 0 : await killOften(chaos);
  await until('the edge has applied the day', async () => (await latest(edge)) === meters.lastOfDay, 600_000);
  const tookMs = performance.now() - fromMs;
  const readings = meters.count * size.points;
  console.log(
    `a day of ${size.devices} devices with ${size.points} values every ${size.every} s: ${meters.count} frames, ${readings} readings`,
  );
  console.log(
    `  started on it in ${seconds(tookMs)} (${Math.round(readings / (tookMs / 1000))} readings/s)${killed > 0 ? `, killed ${killed} times meanwhile` : ''}; ${filledMb} MB on the disk, then ${mb(folderBytes(edgeDir))} MB`,
  );
  console.log(`  memory of the edge: ${beforeMb} MB before, ${memoryMb(edge)} MB after, ${peakMb} MB at most`);
  if (given.budget !== undefined) await makeRoom(Number(given.budget));
  const alarmsOfDay = await alarmEvents(edge);
  // What is older than ten seconds when it leaves is late.
  await pause(LATE_MS);
  console.log(`  the edge says: ${await uplink()}`);
  await measureReturn(alarmsOfDay);
} finally {
  clearInterval(watching);
  clearInterval(live);
  await mqtt.endAsync(true);
  await Promise.all([edge.kill(), centre.kill()]);
  await Promise.all([proxy.close(), broker.kill('SIGKILL'), nats.remove()]);
  temp.remove();
}

/** While the day is being applied; it begins again each time. */
async function killOften(random: Random): Promise<number> {
  for (let n = 0; n < 3; n++) {
    await pause(500 + random.uniform() * 6000);
    await edge.kill();
    await edge.restart();
  }
  return 3;
}

async function makeRoom(budgetBytes: number): Promise<void> {
  await until('the guard has made room', async () => (await overflows(edge)).length > 0, ROOM_WITHIN_MS);
  await until(
    'and there is enough',
    async () => Number(/(\d+) %/.exec(await part(edge, 'disk'))?.[1]) <= 90,
    ROOM_WITHIN_MS,
  );
  console.log(
    `  ${mb(budgetBytes)} MB are allowed: ${await part(edge, 'disk')}, ${mb(folderBytes(edgeDir))} MB in files`,
  );
  for (const { what, segments, bytesFreed, lost } of await overflows(edge))
    console.log(`  BufferOverflow: ${what}, ${segments} segments, ${mb(bytesFreed)} MB, ${lost} that nobody else has`);
}

async function measureReturn(alarmsOfDay: number): Promise<void> {
  const bytes = proxy.bytes;
  const lags: number[] = [];
  const lines: string[] = [];
  let n = 0;
  const shown = new Map<number, number>();
  live = setInterval(() => {
    const value = 1000 + ++n;
    shown.set(value, performance.now());
    for (let device = 0; device < size.devices; device++) void meters.publish(mqtt, device, value);
  }, 1000);
  const looking = setInterval(async () => {
    const value = await latest(centre).catch(() => undefined);
    const atMs = value === undefined ? undefined : shown.get(value);
    if (value === undefined || atMs === undefined) return;
    lags.push(performance.now() - atMs);
    for (const known of shown.keys()) if (known <= value) shown.delete(known);
  }, 20);
  const mendedMs = performance.now();
  const saying = setInterval(async () => {
    const said = await part(centre, `cell ${CELL}`).catch(() => 'the centre does not answer');
    lines.push(`${seconds(performance.now() - mendedMs)}: ${said}`);
  }, 1000);
  proxy.mend();
  await until('something live is shown', () => lags.length > 0, 60_000);
  const firstMs = performance.now() - mendedMs;
  lags.length = 0;
  peakMb = 0;
  const harmed = chaos === undefined ? [] : await harm(chaos);
  await until(
    'the day is at the centre',
    async () => !(await uplink()).includes('still to be sent'),
    SETTLED_WITHIN_MS,
  );
  const caughtMs = performance.now() - mendedMs;
  clearInterval(looking);
  clearInterval(saying);
  clearInterval(live);
  const during = lags.toSorted((a, b) => a - b);
  await until('all is there', async () => (await uplink()).startsWith('telemetry 0.0 s behind, events 0.0 s'), 60_000);
  console.log(`the link is back: the first live value is shown after ${seconds(firstMs)}`);
  const every = Math.ceil(lines.length / LINE_EVERY);
  for (const [index, line] of lines.entries()) if (index % every === 0) console.log(`    ${line}`);
  if (harmed.length > 0) console.log(`  meanwhile: ${harmed.join(', ')}`);
  const at = (share: number) => Math.round(during[Math.min(during.length - 1, Math.floor(during.length * share))] ?? 0);
  console.log(
    `  caught up after ${seconds(caughtMs)}, ${((proxy.bytes - bytes) / 1000 / (caughtMs / 1000)).toFixed(0)} kB/s of the link for all`,
  );
  console.log(
    `  live values meanwhile at the centre: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, at most ${at(1)} ms, of ${lags.length}`,
  );
  console.log(`  memory of the edge meanwhile ${peakMb} MB at most, of the centre ${memoryMb(centre)} MB`);
  await check(alarmsOfDay);
}

async function check(alarmsOfDay: number): Promise<void> {
  const stored = await readStored(nats);
  const { messages, late, lateBytes, lateForMs, firstBytes } = await readMessages(nats);
  const missing = checkOrder(meters.sent, stored);
  const lost = (await overflows(centre)).reduce((sum, overflow) => sum + overflow.lost, 0);
  console.log(
    `  ${stored.frames} of ${meters.count} frames at the centre, each once and in order, in ${messages} messages; ${missing} are missing, ${lost} were counted as dropped`,
  );
  const rate = (lateBytes - firstBytes) / (lateForMs / 1000);
  console.log(
    `  ${late} messages of ${mb(lateBytes)} MB came late within ${seconds(lateForMs)}: ${(rate / 1000).toFixed(0)} kB/s of ${(allowed / 1000).toFixed(0)} that are allowed`,
  );
  assert.equal(missing, lost, 'each frame is at the centre or was counted as dropped');
  assert.ok(late > 0, 'what was kept back says so');
  // One second's worth may come at once, and each start of the edge has it anew.
  const starts = edge.starts;
  assert.ok(lateBytes - firstBytes <= (lateForMs / 1000 + starts) * allowed, 'no more comes late than is allowed');
  const alarms = await alarmEvents(centre);
  assert.ok(alarms >= alarmsOfDay && alarmsOfDay > 0, `${alarms} of ${alarmsOfDay} alarm events are at the centre`);
  assert.equal(alarms, await alarmEvents(edge));
  console.log(`  ${alarms} alarm events at the edge and at the centre`);
}

/** Faults while the day is on its way, each over before the next. */
async function harm(random: Random): Promise<string[]> {
  const faults: readonly (readonly [string, () => Promise<void>])[] = [
    ['the way was cut', () => cutFor(1000 + random.uniform() * 5000)],
    ['the edge was killed', () => edge.kill().then(() => edge.restart())],
    ['the way held up what was on it', () => holdFor(1000 + random.uniform() * 5000)],
    ['NATS was killed', () => nats.kill('SIGKILL').then(() => nats.restart())],
    ['the way was cut', () => cutFor(random.uniform() * 1000)],
    ['the centre was killed', () => centre.kill().then(() => centre.restart())],
  ];
  const done: string[] = [];
  for (const [what, happens] of faults) {
    await pause(1000 + random.uniform() * 4000);
    await happens();
    done.push(what);
  }
  return done;
}

async function cutFor(ms: number): Promise<void> {
  proxy.cut();
  await pause(ms);
  proxy.mend();
}

async function holdFor(ms: number): Promise<void> {
  proxy.hold();
  await pause(ms);
  proxy.release();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function latest(product: Product): Promise<number | undefined> {
  const { values } = await product.get<{ values: Record<string, number> }>('/devices/d-0');
  return values.p0;
}

async function part(product: Product, wanted: string): Promise<string> {
  const { parts } = await product.get<{ parts: { name: string; detail: string }[] }>('/health');
  return parts.find(({ name }) => name === wanted)?.detail ?? '';
}

function uplink(): Promise<string> {
  return part(edge, 'uplink').catch(() => '');
}

async function alarmEvents(product: Product): Promise<number> {
  const events = await product.list<{ kind: string; entity: string }>('/alarms/history?limit=1000');
  return events.filter(({ entity }) => entity.startsWith('asset/')).length;
}

interface Overflow {
  readonly what: string;
  readonly segments: number;
  readonly bytesFreed: number;
  readonly lost: number;
}

/** What was dropped, in its order. */
async function overflows(product: Product): Promise<Overflow[]> {
  const rows = await product.list<{ kind: string; event: Overflow }>('/audit?limit=1000');
  return rows
    .filter(({ kind }) => kind === 'BufferOverflow')
    .map(({ event }) => event)
    .reverse();
}

function memoryMb(product: Product): number {
  return product.running ? statusMb(product.pid, 'VmRSS') : 0;
}

function folderBytes(folder: string): number {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce(
      (sum, entry) =>
        sum + (fs.statSync(path.join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}

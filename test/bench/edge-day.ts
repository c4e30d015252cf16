/**
 * What a day without its uplink costs an edge and its centre: the built product twice, as centre and as `start --cell edge-7`,
 * with mosquitto, nats-server and a way between them that is cut. While it is cut the edge gets what its meters have in a day: it is
 * ended, its log is filled with frames like those that it had, with the time of now, and started again, whereupon it takes all of
 * it through its actors as after a crash. So the amount is that of a day, the time is not.
 * Then the way is there again, the meters publish each second what is now, and this measures how soon the centre shows it while
 * the day follows, how fast that is, and that each record and alarm event came, or was counted as dropped.
 *
 *   node --import ./test/support/register.mjs test/bench/edge-day.ts --devices 10 --points 10 --every 5 [--budget 50000000]
 *
 * Needs mosquitto, nats-server and `npm run build`.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { connectAsync } from 'mqtt';
import { connect } from 'nats';
import type { Frame } from '../../actors/frame.ts';
import { entityId } from '../../runtime/ids.ts';
import type { LogRecord } from '../../runtime/log.ts';
import { cellSubjectOf } from '../../runtime/nats/central-log.ts';
import { openNatsLog } from '../../runtime/nats/open.ts';
import { SqlLog } from '../../runtime/sql/sql-log.ts';
import { until } from '../support/condition.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { Product } from '../support/product.ts';
import { NatsServer } from '../support/servers/nats.ts';
import { TcpProxy } from '../support/servers/tcp-proxy.ts';
import { tempDir } from '../support/temp-dir.ts';

const DAY_MS = 86_400_000;
const LATE_MS = 12_000;
const SETTLED_WITHIN_MS = 900_000;
const CELL = 'edge-7';

const { values: given } = parseArgs({
  options: {
    devices: { type: 'string', default: '10' },
    points: { type: 'string', default: '10' },
    every: { type: 'string', default: '5' },
    budget: { type: 'string', default: '100000000000' },
    'backfill-bytes': { type: 'string', default: '500000' },
  },
});
const [devices, pointCount, everySeconds] = [given.devices, given.points, given.every].map(Number) as [
  number,
  number,
  number,
];
const lastMs = new Map<number, number>();
const names = Array.from({ length: pointCount }, (_, n) => `p${n}`);
const scans = Math.floor(86_400 / everySeconds);

const temp = tempDir('bench-edge-day');
const [nats, broker] = await Promise.all([
  NatsServer.start(),
  Mosquitto.start(temp.dir, ['max_inflight_messages 200', 'max_queued_messages 0']),
]);
const proxy = await TcpProxy.start(nats.port);
const topology = writePlant();
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
  environment: {
    SIGNALBOX_UPLINK_URL: proxy.url,
    SIGNALBOX_DISK_BUDGET_BYTES: given.budget,
    SIGNALBOX_UPLINK_BACKFILL_BYTES_PER_SECOND: given['backfill-bytes'],
    SIGNALBOX_REQUESTS_PER_MINUTE: '1000000',
  },
});
const mqtt = await connectAsync(broker.url);
let live: NodeJS.Timeout | undefined;
let sent = 0;
let peakMb = 0;
const watching = setInterval(() => {
  peakMb = Math.max(peakMb, memoryMb(edge));
}, 250);

try {
  await until('the link is there', async () => (await uplink()).includes('events 0.0 s'), 60_000);
  for (let device = 0; device < devices; device++) await publish(device, 20);
  await until('there is a frame of each', async () => (await stored()).frames === devices, 60_000);
  proxy.cut();
  await until('the edge knows', async () => (await uplink()).includes('no link'), 30_000);
  const beforeMb = memoryMb(edge);
  await edge.kill();
  await fillDay();
  const fromMs = performance.now();
  await edge.restart();
  await until('the edge has applied the day', async () => (await latest(edge)) === dayValue(scans - 1, 0), 600_000);
  const tookMs = performance.now() - fromMs;
  const readings = sent * pointCount;
  console.log(
    `a day of ${devices} devices with ${pointCount} values every ${everySeconds} s: ${sent} frames, ${readings} readings`,
  );
  console.log(
    `  started on it in ${seconds(tookMs)} (${Math.round(readings / (tookMs / 1000))} readings/s), ${mb(folderBytes(edgeDir))} MB on the disk`,
  );
  console.log(`  memory of the edge: ${beforeMb} MB before, ${memoryMb(edge)} MB after, ${peakMb} MB at most`);
  const alarmsOfDay = await alarmEvents(edge);
  // What is older than ten seconds when it leaves is late.
  await new Promise((resolve) => setTimeout(resolve, LATE_MS));
  await measureReturn(alarmsOfDay);
} finally {
  clearInterval(watching);
  clearInterval(live);
  await mqtt.endAsync(true);
  await Promise.all([edge.kill(), centre.kill()]);
  await Promise.all([proxy.close(), broker.kill('SIGKILL'), nats.remove()]);
  temp.remove();
}

async function measureReturn(alarmsOfDay: number): Promise<void> {
  const sentOfDay = sent;
  const bytes = proxy.bytes;
  const lags: number[] = [];
  let n = 0;
  const shown = new Map<number, number>();
  live = setInterval(() => {
    const value = 1000 + ++n;
    shown.set(value, performance.now());
    for (let device = 0; device < devices; device++) void publish(device, value);
  }, 1000);
  const looking = setInterval(async () => {
    const value = await latest(centre).catch(() => undefined);
    const atMs = value === undefined ? undefined : shown.get(value);
    if (value === undefined || atMs === undefined) return;
    lags.push(performance.now() - atMs);
    for (const known of shown.keys()) if (known <= value) shown.delete(known);
  }, 20);
  const mendedMs = performance.now();
  proxy.mend();
  await until('something live is shown', () => lags.length > 0, 60_000);
  const firstMs = performance.now() - mendedMs;
  let caughtMs = 0;
  peakMb = 0;
  await until(
    'the day is at the centre',
    async () => {
      caughtMs = performance.now() - mendedMs;
      const [, behind = '1e9'] = /telemetry ([\d.]+) s behind, events 0\.0 s/.exec(await uplink()) ?? [];
      return Number(behind) < 5;
    },
    SETTLED_WITHIN_MS,
  );
  clearInterval(looking);
  const during = lags.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(during[Math.min(during.length - 1, Math.floor(during.length * share))] ?? 0);
  clearInterval(live);
  await until('all is there', async () => (await uplink()).includes('telemetry 0.0 s behind, events 0.0 s'), 60_000);
  await until(
    'each frame is there, or was counted as dropped',
    async () => (await stored()).frames + (await dropped()) >= sent,
    60_000,
  ).catch(() => undefined);
  const { frames, messages, late } = await stored();
  const lost = await dropped();
  const rate = ((frames - (sent - sentOfDay)) * pointCount) / (caughtMs / 1000);
  console.log(`the link is back: the first live value is shown after ${seconds(firstMs)}`);
  console.log(
    `  caught up after ${seconds(caughtMs)}: ${Math.round(rate)} readings/s, ${((proxy.bytes - bytes) / 1000 / (caughtMs / 1000)).toFixed(0)} kB/s of the link`,
  );
  console.log(
    `  live values meanwhile at the centre: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, at most ${at(1)} ms, of ${lags.length}`,
  );
  console.log(`  memory of the edge meanwhile ${peakMb} MB at most, of the centre ${memoryMb(centre)} MB`);
  console.log(
    `  ${frames} of ${sent} frames at the centre in ${messages} messages, ${late} of them marked late; ${lost} were dropped and counted`,
  );
  assert.equal(frames + lost, sent, 'each frame is at the centre or was counted as dropped');
  assert.ok(late > 0, 'what was kept back says so');
  const alarms = await alarmEvents(centre);
  assert.ok(alarms >= alarmsOfDay && alarmsOfDay > 0, `${alarms} of ${alarmsOfDay} alarm events are at the centre`);
  assert.equal(alarms, await alarmEvents(edge));
  console.log(`  ${alarms} alarm events at the edge and at the centre`);
}

/** Frames as the edge has them in its log, behind those. */
async function fillDay(): Promise<void> {
  const log = await SqlLog.open({ file: path.join(edgeDir, 'telemetry.db') });
  const likeness = new Map<string, Frame>();
  for (const { source, observation } of await log.read(0, 10_000)) {
    const frame = observation as Frame;
    if (source.startsWith('device/d-') && frame.points.length > 0) likeness.set(source, frame);
  }
  assert.equal(likeness.size, devices, 'each device has sent something');
  let records: LogRecord[] = [];
  for (let scan = 0; scan < scans; scan++) {
    for (let device = 0; device < devices; device++) {
      const source = entityId('device', `d-${device}`);
      const frame = likeness.get(source);
      assert.ok(frame);
      const atMs = timeOf(device);
      const values = names.map((_, n) => (n === 0 ? dayValue(scan, device) : measured(n)));
      records.push({ source, observation: { ...frame, deviceTimeMs: atMs, gatewayTimeMs: atMs, values } as never });
      sent++;
    }
    if (records.length < 2000 && scan < scans - 1) continue;
    await log.append(records);
    records = [];
  }
  await log.close();
}

/** Of now, and no two of a device alike. */
function timeOf(device: number): number {
  const ts = Math.max(Date.now(), (lastMs.get(device) ?? 0) + 1);
  lastMs.set(device, ts);
  return ts;
}

function publish(device: number, first: number): Promise<unknown> {
  sent++;
  const ts = timeOf(device);
  const metrics = Object.fromEntries(names.map((name, n) => [name, n === 0 ? first : measured(n)]));
  return mqtt.publishAsync(`plant/d-${device}`, JSON.stringify({ ts, metrics }), { qos: 1 });
}

/** Each hour of the day every device alarms once. */
function dayValue(scan: number, device: number): number {
  const minute = Math.floor((scan * everySeconds) / 60) + device;
  return minute % 60 === 0 ? 95 : 20 + (scan % 500) / 10;
}

/** Two digits behind the point, and no two alike: what compresses well in a bench does not in a plant. */
function measured(n: number): number {
  return Math.round((20 + Math.sin(sent / 50 + n) * 10 + Math.random()) * 100) / 100;
}

async function latest(product: Product): Promise<number | undefined> {
  const { values } = await product.get<{ values: Record<string, number> }>('/devices/d-0');
  return values.p0;
}

async function uplink(): Promise<string> {
  const { parts } = await edge.get<{ parts: { name: string; detail: string }[] }>('/health');
  return parts.find(({ name }) => name === 'uplink')?.detail ?? '';
}

async function alarmEvents(product: Product): Promise<number> {
  const events = await product.list<{ kind: string; entity: string }>('/alarms/history?limit=1000');
  return events.filter(({ entity }) => entity.startsWith('asset/')).length;
}

/** Frames that nobody else had when the edge dropped them, as its events say. */
async function dropped(): Promise<number> {
  const rows = await centre.list<{ kind: string; event: { what: string; lost: number } }>('/audit?limit=1000');
  return rows
    .filter(({ kind, event }) => kind === 'BufferOverflow' && event.what === 'telemetry')
    .reduce((sum, { event }) => sum + event.lost, 0);
}

async function stored(): Promise<{ frames: number; messages: number; late: number }> {
  const place = { url: nats.url, name: 'checker', startTimeoutMs: 10_000, prefix: 'signalbox', replicas: 1 };
  const log = await openNatsLog({ ...place, maxAgeMs: 30 * DAY_MS });
  let [frames, position] = [0, 0];
  for (;;) {
    const records = await log.read(position, 5000);
    if (records.length === 0) break;
    frames += records.filter(
      ({ source, observation }) => source.startsWith('device/d-') && (observation as Frame).points.length > 0,
    ).length;
    position = records.at(-1)?.position ?? position;
  }
  await log.close();
  const connection = await connect({ servers: `127.0.0.1:${nats.port}` });
  const manager = await connection.jetstreamManager();
  const { state } = await manager.streams.info('signalbox-telemetry');
  let [messages, late] = [0, 0];
  for (let seq = state.first_seq; state.messages > 0 && seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage('signalbox-telemetry', { seq });
    if (message.subject !== cellSubjectOf('signalbox', CELL)) continue;
    messages++;
    if (message.header.get('Signalbox-Late') === '1') late++;
  }
  await connection.close();
  return { frames, messages, late };
}

function memoryMb(product: Product): number {
  if (!product.running) return 0;
  const status = fs.readFileSync(`/proc/${product.pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

function folderBytes(folder: string): number {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + fs.statSync(path.join(entry.parentPath, entry.name)).size, 0);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function writePlant(): string {
  const file = path.join(temp.dir, 'plant.yaml');
  const ids = Array.from({ length: devices }, (_, n) => n);
  const lines = [
    'signalbox: 1',
    'organization: { id: bench, name: Bench }',
    `sites: [{ id: works, name: Works, timeZone: UTC }, { id: farm, name: Farm, timeZone: UTC, cell: ${CELL} }]`,
    `connections: [{ id: net, driver: mqtt, url: ${broker.url}, clientId: bench, topics: [{ topic: "plant/{device}" }] }]`,
    'deviceProfiles:',
    '  - id: meter',
    '    expectedIntervalMs: 600000',
    `    points: [${names.map((name) => `{ name: ${name} }`).join(', ')}]`,
    'assetProfiles:',
    '  - id: machine',
    `    metrics: [${names.map((name) => `{ name: ${name} }`).join(', ')}]`,
    '    rules: [{ id: high, name: High, metric: p0, when: { above: 90 }, cooldownSeconds: 0, autoAckOnClear: true }]',
    'devices:',
    ...ids.map((n) => `  - { id: d-${n}, name: D ${n}, site: farm, connection: net, profile: meter }`),
    'assets:',
    ...ids.map((n) => `  - { id: x-${n}, name: X ${n}, site: farm, profile: machine, links: [{ device: d-${n} }] }`),
  ];
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

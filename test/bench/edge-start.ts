/**
 * What it costs an edge to start on a long log: the built product as `start --cell edge-7` without its uplink, whose log is
 * filled with frames like those that it had, killed before, so that all of it goes through its actors as after a crash. Started
 * several times on copies of that folder, each under cgroup limits (1 GB of memory, two cores of which it gets half each), and
 * each time with what it took: memory of the process at most, and time until it serves.
 *
 *   node --import ./test/support/register.mjs test/bench/edge-start.ts --devices 50 --points 30 --every 60 --starts 3
 *
 * Needs mosquitto, `npm run build`, and root for the limits; without them it says that there are none.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { connectAsync } from 'mqtt';
import { until } from '../support/condition.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { ROOT } from '../support/places.ts';
import { Product } from '../support/product.ts';
import { tempDir } from '../support/temp-dir.ts';
import { BAR_MB, Box, cpuSeconds, statusMb } from './box.ts';
import { CELL, DayMeters, writeDayPlant } from './edge-day-plant.ts';

const STARTED_WITHIN_MS = 900_000;
/** What is read into the history is written within this time, and until then takes memory. */
const SETTLE_MS = 35_000;

const { values: given } = parseArgs({
  options: {
    devices: { type: 'string', default: '50' },
    points: { type: 'string', default: '30' },
    every: { type: 'string', default: '60' },
    starts: { type: 'string', default: '3' },
  },
});
const size = { devices: Number(given.devices), points: Number(given.points), every: Number(given.every) };
const temp = tempDir('bench-edge-start');
const broker = await Mosquitto.start(temp.dir, ['max_inflight_messages 200', 'max_queued_messages 0']);
const topology = writeDayPlant(temp.dir, broker.url, size);
// Nobody listens there: the way to the centre is cut.
const environment = { SIGNALBOX_UPLINK_URL: 'nats://127.0.0.1:9', SIGNALBOX_LOG_LEVEL: 'fatal' };
const box = new Box('signalbox-start');

try {
  const filled = path.join(temp.dir, 'filled');
  const meters = await fill(filled);
  const readings = meters.count * size.points;
  console.log(
    `${size.devices} devices with ${size.points} values: a log of ${meters.count} frames, ${readings} readings, ${mb(fs.statSync(path.join(filled, 'telemetry.db')).size)} MB; ${box.words}`,
  );
  for (let start = 1; start <= Number(given.starts); start++) await measure(start, filled, readings);
} finally {
  await broker.kill('SIGKILL');
  box.remove();
  temp.remove();
}

/** An edge that had something of each of its meters, then a day, and then no power. */
async function fill(dataDir: string): Promise<DayMeters> {
  const edge = await Product.start({ dataDir, topology, args: ['--cell', CELL], environment });
  const mqtt = await connectAsync(broker.url);
  const meters = new DayMeters(size);
  try {
    for (let device = 0; device < size.devices; device++) await meters.publish(mqtt, device, 20);
    const last = `/devices/d-${size.devices - 1}`;
    const shown = async () => (await edge.get<{ values: Record<string, number> }>(last)).values.p0 === 20;
    await until('there is a frame of each', shown, 60_000);
  } finally {
    await mqtt.endAsync(true);
    await edge.kill();
  }
  await meters.fill(dataDir);
  return meters;
}

async function measure(start: number, filled: string, readings: number): Promise<void> {
  const dataDir = path.join(temp.dir, `start-${start}`);
  fs.cpSync(filled, dataDir, { recursive: true });
  const bin = path.join(process.env.PRODUCT_DIR ?? ROOT, 'bin', 'signalbox.mjs');
  const args = `start --cell ${CELL} --data ${dataDir} --port 0 --topology ${topology}`;
  const fromMs = performance.now();
  // As a person starts it: the flags of its first line hold.
  const child = spawn('/bin/sh', ['-c', `${box.enter} exec ${bin} ${args}`], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (text: Buffer) => {
    said += text;
  });
  try {
    await until('the edge is live', () => child.exitCode !== null || said.includes('Ctrl-C stops.'), STARTED_WITHIN_MS);
    if (child.exitCode !== null) throw new Error(`the edge ended: ${said}`);
    const tookMs = performance.now() - fromMs;
    const atStart = statusMb(child.pid, 'VmHWM');
    const cpu = cpuSeconds(child.pid);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    console.log(
      `start ${start}: serves after ${(tookMs / 1000).toFixed(1)} s and ${cpu.toFixed(1)} s of a processor (${Math.round(readings / cpu)} readings/s of it), memory at most ${atStart} MB until then, ${statusMb(child.pid, 'VmHWM')} MB with the half minute after it (bar: ${BAR_MB} MB), ${statusMb(child.pid, 'VmRSS')} MB then`,
    );
  } finally {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    fs.rmSync(dataDir, { recursive: true });
  }
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

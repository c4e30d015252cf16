import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { connectAsync } from 'mqtt';
import { openNatsLog } from '../../runtime/nats/open.ts';
import { until } from '../support/condition.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { ROOT } from '../support/places.ts';
import { NatsServer } from '../support/servers/nats.ts';
import { TcpProxy } from '../support/servers/tcp-proxy.ts';
import { tempDir } from '../support/temp-dir.ts';
import { BAR_MB, Box, cpuSeconds, statusMb } from './box.ts';

/**
 * What an edge needs: the built product as `start --cell edge-7` under cgroup limits (1 GB of memory, two cores of which it gets
 * half each), 50 devices with 30 values each a second over MQTT, linked to a nats-server, then cut, then catching up. Prints
 * memory, processor time and what went over the link. Needs mosquitto, nats-server, `npm run build`, and root for the limits;
 * without them it says that there are none.
 *
 *   node --import ./test/support/register.mjs test/bench/edge.ts [seconds of each phase]
 */
const SECONDS = Number(process.argv[2] ?? 30);
const DEVICES = 50;
const POINTS = Array.from({ length: 30 }, (_, n) => `p${n}`);

const temp = tempDir('bench-edge');
const box = new Box('signalbox-edge');
const [nats, broker] = await Promise.all([NatsServer.start(), Mosquitto.start(temp.dir)]);
const place = { url: nats.url, name: 'centre', startTimeoutMs: 10_000, prefix: 'signalbox', replicas: 1 };
const centre = await openNatsLog({ ...place, maxAgeMs: 86_400_000 });
const proxy = await TcpProxy.start(nats.port);
// As a person starts it: the flags of its first line hold.
const child = spawn('/bin/sh', ['-c', `${box.enter} exec ${path.join(ROOT, 'bin', 'signalbox.mjs')} start`], {
  env: {
    ...process.env,
    SIGNALBOX_CELL: 'edge-7',
    SIGNALBOX_UPLINK_URL: proxy.url,
    SIGNALBOX_TOPOLOGY: topology(),
    SIGNALBOX_DATA_DIR: path.join(temp.dir, 'data'),
    SIGNALBOX_PORT: '0',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
let said = '';
child.stdout.on('data', (text: Buffer) => {
  said += text;
});
await until('the edge is live', () => said.includes('Ctrl-C stops.'), 60_000);
const mqtt = await connectAsync(broker.url);
let sent = 0;
let counted = 0;
let position = 0;
const publishing = setInterval(() => {
  for (let device = 0; device < DEVICES; device++) {
    const metrics = Object.fromEntries(POINTS.map((name, n) => [name, measured(n)]));
    mqtt.publish(`plant/d-${device}`, JSON.stringify({ ts: Date.now(), metrics }), { qos: 1 });
  }
  sent += DEVICES;
}, 1000);

try {
  console.log(box.words);
  await phase('linked');
  proxy.cut();
  await phase('cut');
  proxy.mend();
  const target = sent;
  await phase('catching up, then live');
  const stored = async () => (await readCount()) >= target;
  await until('the centre has what was kept', stored, 120_000);
  console.log(`memory at most ${statusMb(child.pid, 'VmHWM')} MB (bar: ${BAR_MB} MB)`);
} finally {
  await end();
}

async function end(): Promise<void> {
  clearInterval(publishing);
  await mqtt.endAsync();
  child.kill('SIGTERM');
  await once(child, 'exit');
  await centre.close();
  await proxy.close();
  await broker.kill('SIGKILL');
  await nats.remove();
  box.remove();
  temp.remove();
}

/** Two digits behind the point, and no two devices alike: what compresses well in a bench does not in a plant. */
function measured(n: number): number {
  return Math.round((20 + Math.sin(sent / 50 + n) * 10 + Math.random()) * 100) / 100;
}

async function phase(name: string): Promise<void> {
  const before = { bytes: proxy.bytes, cpu: cpuSeconds(child.pid), sent };
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  const share = ((cpuSeconds(child.pid) - before.cpu) / SECONDS) * 100;
  const values = (sent - before.sent) * POINTS.length;
  const bytes = proxy.bytes - before.bytes;
  console.log(
    `${name}: ${(values / SECONDS).toFixed(0)} values/s, ${statusMb(child.pid, 'VmRSS')} MB, ${share.toFixed(0)} % of a core, ${(bytes / 1000 / SECONDS).toFixed(1)} kB/s over the link`,
  );
}

async function readCount(): Promise<number> {
  for (;;) {
    const records = await centre.read(position, 5000);
    if (records.length === 0) return counted;
    counted += records.filter(({ source }) => source.startsWith('device/')).length;
    position = records.at(-1)?.position ?? position;
  }
}

function topology(): string {
  const file = path.join(temp.dir, 'plant.yaml');
  const devices = Array.from({ length: DEVICES }, (_, n) => n);
  const lines = [
    'signalbox: 1',
    'organization: { id: bench, name: Bench }',
    'sites: [{ id: farm, name: Farm, timeZone: UTC, cell: edge-7 }]',
    `connections: [{ id: net, driver: mqtt, url: ${broker.url}, clientId: bench, topics: [{ topic: "plant/{device}" }] }]`,
    'deviceProfiles:',
    '  - id: meter',
    '    expectedIntervalMs: 1000',
    `    points: [${POINTS.map((name) => `{ name: ${name} }`).join(', ')}]`,
    'assetProfiles:',
    '  - id: machine',
    `    metrics: [${POINTS.map((name) => `{ name: ${name} }`).join(', ')}]`,
    '    rules:',
    ...[0, 1, 2].map(
      (n) => `      - { id: r${n}, name: High ${n}, metric: p${n}, when: { above: 29.5 }, deadband: 2 }`,
    ),
    'devices:',
    ...devices.map((n) => `  - { id: d-${n}, name: D ${n}, site: farm, connection: net, profile: meter }`),
    'assets:',
    ...devices.map(
      (n) => `  - { id: a-${n}, name: A ${n}, site: farm, profile: machine, links: [{ device: d-${n} }] }`,
    ),
  ];
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

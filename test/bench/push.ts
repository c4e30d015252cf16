/**
 * The push at the size of a large plant: 5,000 assets and as many devices, and a client that follows all of them with the fields
 * of the wall. Figures: the snapshots, and what 1,000 changed assets a second cost this process.
 *
 * `node --import ./test/support/register.mjs test/bench/push.ts [clients]`
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { startTestFront } from '../support/front.ts';

const ASSETS = 5000;
const CHANGED_PER_SECOND = 1000;
const SECONDS = 5;
const clients = Number(process.argv[2] ?? 1);

const FIELDS = {
  sites: undefined,
  assets: [
    ...['name', 'site', 'parent', 'path', 'status', 'health', 'connected', 'worstSeverity'].map(
      (key) => `props.${key}`,
    ),
    ...['alarmsUnacknowledged', 'alarmsActive', 'openWorkOrders'].map((key) => `props.${key}`),
    'marks',
  ],
  devices: ['props.name', 'props.site', 'props.connectivity', 'props.decommissioned'],
};
const METRICS = Array.from({ length: 12 }, (_, index) => `metric_${index}`);

function assetView(index: number, round: number) {
  const record = <T>(value: (metric: number) => T) =>
    Object.fromEntries(METRICS.map((name, metric) => [name, value(metric)]));
  return {
    props: {
      name: `Asset ${index}`,
      site: `site-${index % 20}`,
      parent: null,
      path: [],
      type: 'pump',
      status: 'operational',
      health: 90 + (round % 10),
      healthBreakdown: { alarms: 90, workOrders: null, telemetry: 100, age: null, maintenance: null },
      devices: [`device-${index}`],
      children: [],
      connected: true,
      lastReadingMs: Date.now(),
      alarmsUnacknowledged: 0,
      alarmsActive: 0,
      worstSeverity: null,
      openWorkOrders: 0,
    },
    values: record((metric) => 20 + metric + round / 100),
    times: record(() => Date.now()),
    received: record(() => Date.now()),
    marks: round % 50 === 49 ? { metric_0: { quality: 'SUSPECT', reason: 'rate', sinceMs: Date.now() } } : {},
    metrics: METRIC_INFO,
    alarms: {},
    windows: {},
  };
}
const METRIC_INFO = Object.fromEntries(
  METRICS.map((title) => [
    title,
    {
      title,
      unit: 'bar',
      decimals: 1,
      range: null,
      normal: null,
      formula: null,
      key: true,
      sourceDevices: [],
      limits: [],
    },
  ]),
);

/** A process of its own, so that what the client costs is not counted. */
const CLIENT = `
import WebSocket from 'ws';
const [url, token, subscriptions] = process.argv.slice(1);
const socket = new WebSocket(url, { headers: { authorization: 'Bearer ' + token } });
let bytes = 0, frames = 0, startMs = 0, waiting = JSON.parse(subscriptions).length, snapshotBytes = 0;
socket.on('open', () => { startMs = performance.now(); for (const one of JSON.parse(subscriptions)) socket.send(JSON.stringify(one)); });
socket.on('message', (data) => {
  bytes += data.length; frames++;
  const frame = JSON.parse(data);
  if (frame.op !== 'snapshot' || frame.more) return;
  if (--waiting === 0) { snapshotBytes = bytes; console.log(JSON.stringify({ snapshotMs: Math.round(performance.now() - startMs), snapshotBytes })); }
});
process.stdin.on('data', () => { console.log(JSON.stringify({ deltaBytes: bytes - snapshotBytes, frames })); process.exit(0); });
`;

const t = await startTestFront({ flushIntervalMs: 5 });
for (let index = 0; index < 20; index++) t.runtime.set(`site/site-${index}`, { props: { name: `Site ${index}` } });
for (let index = 0; index < ASSETS; index++) {
  t.runtime.set(`asset/asset-${index}`, assetView(index, 0));
  const props = { name: `Device ${index}`, site: `site-${index % 20}`, connectivity: 'online', decommissioned: false };
  t.runtime.set(`device/device-${index}`, { props, values: { a: 1 }, times: { a: 1 } });
}
t.runtime.live.flush();

for (const [what, fields] of [
  ['fields of the wall', FIELDS],
  ['every field', undefined],
] as const) {
  const subscriptions = (['sites', 'assets', 'devices'] as const).map((topic) => {
    const some = fields?.[topic];
    return { op: 'subscribe', sub: topic, topic, ...(some && { fields: some }) };
  });
  const url = `ws://127.0.0.1:${t.front.port}/ws`;
  const args = ['--input-type=module', '-e', CLIENT, url, t.token.viewer, JSON.stringify(subscriptions)];
  const children = Array.from({ length: clients }, () =>
    spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  const lines = children.map((child) => createInterface({ input: child.stdout })[Symbol.asyncIterator]());
  const busy = process.cpuUsage();
  const snapshots = await Promise.all(lines.map(async (line) => JSON.parse((await line.next()).value)));
  const cpuMs = cpuOf(busy);
  console.log(
    `${what}, ${clients} clients: snapshot ${(snapshots[0].snapshotBytes / 1e6).toFixed(2)} MB in ${Math.max(...snapshots.map((one) => one.snapshotMs))} ms, ${cpuMs.toFixed(0)} ms of this process`,
  );
  const idle = await change(0);
  const loaded = await change(CHANGED_PER_SECOND);
  const ends = await Promise.all(
    children.map(async (child, index) => {
      child.stdin.write('end\n');
      const end = JSON.parse((await lines[index]?.next())?.value);
      await once(child, 'exit');
      return end;
    }),
  );
  console.log(
    `  ${CHANGED_PER_SECOND} changed assets/s: ${loaded.toFixed(1)} % of a core (without changes ${idle.toFixed(1)} %), ${(ends[0].deltaBytes / SECONDS / 1e3).toFixed(0)} kB/s in ${(ends[0].frames / SECONDS).toFixed(0)} frames/s to each`,
  );
}
await t.close();

/** Percent of a core that this process needs while so many assets change a second. */
async function change(perSecond: number): Promise<number> {
  const busy = process.cpuUsage();
  const startMs = performance.now();
  let next = 0;
  for (let tick = 0; tick < SECONDS * 50; tick++) {
    for (let index = 0; index < perSecond / 50; index++, next++)
      t.runtime.set(`asset/asset-${next % ASSETS}`, assetView(next % ASSETS, 1 + Math.floor(next / ASSETS) + tick));
    const waitMs = startMs + (tick + 1) * 20 - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
  return (cpuOf(busy) / (performance.now() - startMs)) * 100;
}

function cpuOf(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

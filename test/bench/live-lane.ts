/**
 * Goal: what it costs a node to tell the others its live views, and how late they are there. Method: entities with twelve
 * measured fields and what else an asset shows, all changed between two flushes; frames as they go to NATS, as deltas and as whole
 * views; then two nodes over a real nats-server on loopback, one entity changed at a time, from the flush of the owner to the
 * flush of the other. Everything shares the processors of this machine.
 *
 *     node --import ./test/support/register.mjs test/bench/live-lane.ts [cells=1000] [flushes=200] [singles=1000]
 */
import { Packr } from 'msgpackr';
import type { View } from '../../runtime/actor-kind.ts';
import { type EntityId, entityId } from '../../runtime/ids.ts';
import type { LiveCell } from '../../runtime/live-bus.ts';
import { LiveCells } from '../../runtime/live-cells.ts';
import { type CellChange, decodeLive, encodeFrames } from '../../runtime/live-frame.ts';
import { LivePublisher } from '../../runtime/live-publisher.ts';
import { NatsLink } from '../../runtime/nats/connection.ts';
import { NatsLiveLane } from '../../runtime/nats/live-lane.ts';
import { RedisLink } from '../../runtime/redis/connection.ts';
import { RedisLiveCache } from '../../runtime/redis/live-cache.ts';
import { until } from '../support/condition.ts';
import { LiveNode, MemoryLinks, thing } from '../support/live-nodes.ts';
import { MemoryLaneHub } from '../support/memory-live-lane.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { noRedis, RedisServer } from '../support/servers/redis.ts';

const [count = 1000, flushes = 200, singles = 1000] = process.argv.slice(2).map(Number);
const KEYS = Array.from({ length: 12 }, (_, index) => `temperature-${index}`);
const ids = Array.from({ length: count }, (_, index) => entityId('asset', `pump-${index}`));

/** What does not change from reading to reading, of the size that an asset with twelve metrics has. */
const STILL: View = {
  props: {
    name: 'Cooling water pump',
    site: 'north',
    path: ['hall-2', 'cooling'],
    status: 'operational',
    health: 93,
    healthBreakdown: { alarms: 100, workOrders: 90, telemetry: 100, age: 80, maintenance: 95 },
    devices: ['plc-1', 'plc-2'],
  },
  metrics: Object.fromEntries(
    KEYS.map((key) => [
      key,
      { title: key, unit: '°C', decimals: 1, range: { min: 0, max: 120 }, sourceDevices: ['plc-1'] },
    ]),
  ),
  marks: {},
  alarms: {},
};

function viewAt(step: number, index: number): View {
  const timeMs = 1_760_000_000_000 + step * 100;
  return {
    ...STILL,
    values: Object.fromEntries(
      KEYS.map((key, at) => [key, Math.round(200 + 100 * Math.sin((step + index) / 50 + at)) / 10]),
    ),
    times: Object.fromEntries(KEYS.map((key) => [key, timeMs])),
    received: Object.fromEntries(KEYS.map((key) => [key, timeMs + 4])),
  };
}

const ms = (value: number) => `${value.toFixed(2)} ms`;
const percentile = (sorted: readonly number[], share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;

/** A bus on which everything changes, and who listens to its flushes. */
function changing(listen: (cells: readonly LiveCell[]) => void): { step(n: number): void; close(): void } {
  const live = new LiveCells({ flushIntervalMs: 1000, failed: (_id, error) => console.error(error) });
  live.onFlush(listen);
  return {
    step: (n) => {
      for (const [index, id] of ids.entries()) live.touch(id, () => viewAt(n, index));
      live.flush();
    },
    close: () => live.close(),
  };
}

/** Time of the listener alone, for each flush of all cells; `pauseMs` between them, for who takes a share of the time only. */
async function listened(
  what: string,
  listen: (cells: readonly LiveCell[]) => void,
  bytes?: () => number,
  pauseMs = 0,
): Promise<void> {
  let spentMs = 0;
  let timed = false;
  const bus = changing((cells) => {
    const startMs = performance.now();
    listen(cells);
    if (timed) spentMs += performance.now() - startMs;
  });
  for (let step = 0; step < 20; step++) bus.step(step);
  timed = true;
  const before = bytes?.() ?? 0;
  for (let step = 20; step < 20 + flushes; step++) {
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    bus.step(step);
  }
  bus.close();
  const size = bytes === undefined ? '' : `, ${Math.round((bytes() - before) / flushes / 1024)} KiB`;
  console.log(`${what.padEnd(46)} ${ms(spentMs / flushes)} a flush of ${count} cells${size}`);
}

const epochOf = () => 1;
const groupOf = () => 'north';
const shardOf = () => 0;

function publishing(isWanted: boolean): { own: LivePublisher; hub: MemoryLaneHub; live: { revision: number } } {
  const hub = new MemoryLaneHub();
  const lane = hub.lane();
  lane.maxFrameBytes = 256 * 1024;
  const live = { revision: 0 };
  const own = new LivePublisher({
    node: 'a',
    run: 'bench',
    live,
    lane,
    cache: undefined,
    groupOf,
    shardOf,
    epochOf,
    isWanted: () => isWanted,
    intervalMs: 0,
    dropped: () => undefined,
  });
  return { own, hub, live };
}

async function forms(): Promise<void> {
  for (const isWanted of [false, true]) {
    const { own, hub, live } = publishing(isWanted);
    const publish = (cells: readonly LiveCell[]) => {
      live.revision = cells[0]?.revision ?? 0;
      own.changed(cells);
    };
    await listened(isWanted ? 'publisher, somebody looks' : 'publisher, nobody looks', publish, () => hub.bytes, 60);
    own.close();
  }
  const plain = new Packr({ useRecords: false });
  const head = { node: 'a', run: 'bench', group: 'north', revision: 0 };
  let bytes = 0;
  const encodings: readonly (readonly [string, (changes: CellChange[]) => number, 'delta' | 'whole'])[] = [
    ['deltas with records', (changes) => sizeOf(encodeFrames(head, 1, changes, 1 << 28).frames), 'delta'],
    ['deltas without records', (changes) => plain.pack(changes).byteLength, 'delta'],
    ['whole views with records', (changes) => sizeOf(encodeFrames(head, 1, changes, 1 << 28).frames), 'whole'],
  ];
  for (const [what, encode, kind] of encodings) {
    let told = 0;
    const make = (cells: readonly LiveCell[]) => {
      const changes = cells.map((cell): CellChange => {
        const { id, view } = cell;
        if (kind === 'whole') return { kind, id, epoch: 1, groups: view };
        return { kind, id, epoch: 1, groups: cell.changesSince(told) ?? {} };
      });
      told = cells[0]?.revision ?? 0;
      bytes += encode(changes);
    };
    await listened(`  ${what}`, make, () => bytes);
  }
}

function sizeOf(frames: readonly Uint8Array[]): number {
  return frames.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** What a follower does with a frame before it looks at it. */
function reading(): void {
  const frames: Uint8Array[] = [];
  const head = { node: 'a', run: 'bench', group: 'north', revision: 0 };
  let told = 0;
  const bus = changing((cells) => {
    const changes = cells.map((cell): CellChange => {
      return { kind: 'delta', id: cell.id, epoch: 1, groups: cell.changesSince(told) ?? {} };
    });
    told = cells[0]?.revision ?? 0;
    frames.push(...encodeFrames(head, 1, changes, 1 << 28).frames);
  });
  for (let step = 0; step < 50; step++) bus.step(step);
  bus.close();
  for (const frame of frames) decodeLive(frame);
  const startMs = performance.now();
  for (const frame of frames) decodeLive(frame);
  console.log(
    `${'  read by a follower'.padEnd(46)} ${ms((performance.now() - startMs) / frames.length)} a frame of ${count} cells`,
  );
}

async function overNats(): Promise<void> {
  if (noNats) return;
  const server = await NatsServer.start({ jetStream: false });
  const links = new MemoryLinks();
  const open: { close(): unknown }[] = [];
  const start = async (name: string) => {
    const link = await NatsLink.open({ url: server.url, name, startTimeoutMs: 10_000, noEcho: true });
    const lane = new NatsLiveLane(link, 'bench');
    const timing = { publishIntervalMs: 10, beatIntervalMs: 1000, silentAfterMs: 3000 };
    const node = new LiveNode({ name, lane, link: links.link(name), timing });
    open.push(lane, { close: () => node.close() });
    return node;
  };
  const [a, b] = await Promise.all([start('a'), start('b')]);
  const things = Array.from({ length: count }, (_, index) => thing('north', index));
  a.own(1, ...things);
  for (const [index, id] of things.entries()) a.set(id, viewAt(0, index));
  await b.live.want('all').ready;
  const last = things.at(-1) ?? thing('north', 0);
  await until('all are there', () => b.view(last) !== undefined, 30_000);

  const shownMs = new Map<EntityId, number>();
  const delays: number[] = [];
  a.live.onFlush((cells) => {
    for (const { id } of cells) shownMs.set(id, performance.now());
  });
  let arrived = (): void => undefined;
  b.live.onFlush((cells) => {
    for (const { id } of cells) delays.push(performance.now() - (shownMs.get(id) ?? Number.NaN));
    arrived();
  });
  const measure = async (what: string, rounds: number, change: (round: number) => number) => {
    delays.length = 0;
    for (let round = 1; round <= rounds; round++) {
      const expected = delays.length + change(round);
      await new Promise<void>((resolve) => {
        arrived = () => delays.length >= expected && resolve();
      });
    }
    const sorted = delays.toSorted((one, other) => one - other);
    console.log(`${what.padEnd(46)} p50 ${ms(percentile(sorted, 0.5))}, p99 ${ms(percentile(sorted, 0.99))}`);
  };
  await measure('owner to mirror over NATS, one cell at a time', singles, (round) => {
    a.set(things[round % things.length] ?? last, viewAt(round, round));
    return 1;
  });
  await measure(`owner to mirror over NATS, ${count} cells at once`, Math.min(flushes, 100), (round) => {
    for (const [index, id] of things.entries()) a.set(id, viewAt(round + singles, index));
    return things.length;
  });
  for (const one of open.reverse()) await one.close();
  await server.remove();
}

async function intoRedis(): Promise<void> {
  if (noRedis) return;
  const server = await RedisServer.start();
  const cache = new RedisLiveCache({ link: new RedisLink(server.url, 'bench'), cell: 'bench', node: 'a' });
  const { own } = publishing(false);
  cache.keep(own);
  await until('Redis answers', () => cache.usable);
  const bus = changing((cells) => {
    own.changed(cells);
    cache.changed('north', cells);
  });
  const before = process.cpuUsage();
  const startMs = performance.now();
  bus.step(0);
  await until('all are kept', async () => (await cache.read('all'))[0]?.views.length === count, 30_000);
  const { user, system } = process.cpuUsage(before);
  const tookMs = performance.now() - startMs;
  console.log(
    `${'into Redis and back, whole views'.padEnd(46)} ${ms(tookMs)}, ${ms((user + system) / 1000)} of this process`,
  );
  bus.close();
  own.close();
  await cache.close();
  await server.remove();
}

await forms();
reading();
await overNats();
await intoRedis();

import { TIMING } from '../../runtime/cluster/timing.ts';
import type { Random } from '../../simulators/plant/random.ts';
import type { PlantCell } from '../cluster/plant-cell.ts';
import type { Product } from '../support/product.ts';
import type { QuestDb } from '../support/servers/questdb.ts';
import type { RedisServer } from '../support/servers/redis.ts';
import type { FaultyWay, WayState } from './cell-way.ts';

export const BUSY_LEASES = 3;

/** What can be disturbed. */
export interface Scene {
  readonly cell: PlantCell;
  readonly redis: RedisServer;
  /** Undefined where it is not installed. */
  readonly questdb: QuestDb | undefined;
  /** Of each node, its own. */
  readonly ways: { readonly database: ReadonlyMap<string, FaultyWay>; readonly nats: ReadonlyMap<string, FaultyWay> };
  readonly random: Random;
}

type Fault = (scene: Scene, name: string, node: Product) => Promise<void>;

/** Of one node. Each ends with everything in its place again. */
const OF_NODES: Readonly<Record<string, Fault>> = {
  'kill -9': async ({ random }, _, node) => {
    await node.kill();
    await pause(random.uniform() * 2 * TIMING.leaseTtlMs);
    await back(node);
  },
  'stop and start': async (_, __, node) => {
    await node.stop();
    await back(node);
  },
  'half a lease asleep': (_, __, node) => asleep(node, 0.5 * TIMING.leaseTtlMs),
  'one and a half asleep': (_, __, node) => asleep(node, 1.5 * TIMING.leaseTtlMs),
  'three leases asleep': (_, __, node) => asleep(node, 3 * TIMING.leaseTtlMs),
  'three leases busy': async (_, __, node) => {
    process.kill(node.pid, 'SIGUSR2');
    await pause(BUSY_LEASES * TIMING.leaseTtlMs);
  },
  ...ofWays('database', { cutMs: 9000, lateMs: 9000, lostMs: 6000 }),
  ...ofWays('nats', { cutMs: 9000, lateMs: 9000, lostMs: 6000 }),
};

/** Of what there is one of: it cannot be killed twice at a time. */
const OF_SERVERS: Readonly<Record<string, Fault>> = {
  'PostgreSQL killed': ({ cell, random }) => outage(cell.postgres, random),
  'NATS killed': ({ cell, random }) => outage(cell.nats, random),
  'Redis killed': ({ redis, random }) => outage(redis, random),
  'QuestDB killed': ({ questdb, random }) => (questdb ? outage(questdb, random) : Promise.resolve()),
};

export interface Drawn {
  readonly kind: string;
  readonly name: string;
  readonly node: Product;
  readonly done: () => Promise<void>;
}

/** Draws what happens next: each kind once before any comes again, now and then with one of another node beside it. */
export class Faults {
  readonly #scene: Scene;
  readonly #first: string[];

  constructor(scene: Scene) {
    this.#scene = scene;
    const without = scene.questdb === undefined ? 'QuestDB killed' : undefined;
    this.#first = this.#shuffled([...Object.keys(OF_NODES), ...Object.keys(OF_SERVERS)]).filter(
      (kind) => kind !== without,
    );
  }

  /** Kinds that have not come yet. */
  get left(): number {
    return this.#first.length;
  }

  next(): Drawn[] {
    const { cell, random } = this.#scene;
    const nodes = this.#shuffled([...cell.nodes]);
    const ofNodes = Object.keys(OF_NODES);
    return nodes.slice(0, random.uniform() < 0.3 ? 2 : 1).map(([name, node], nth) => {
      const all = nth === 0 ? [...ofNodes, ...Object.keys(OF_SERVERS)] : ofNodes;
      const kind = (nth === 0 ? this.#first.pop() : undefined) ?? all[Math.floor(random.uniform() * all.length)] ?? '';
      const fault = OF_NODES[kind] ?? OF_SERVERS[kind];
      return { kind, name, node, done: async () => fault?.(this.#scene, name, node) };
    });
  }

  #shuffled<T>(all: readonly T[]): T[] {
    return all
      .map((one) => ({ one, at: this.#scene.random.uniform() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ one }) => one);
  }
}

/** A start may fall into an outage; whoever watches the process tries again. */
export async function back(node: Product): Promise<void> {
  for (let attempt = 1; !node.running; attempt++) {
    try {
      await node.restart();
    } catch (error) {
      await node.kill();
      if (attempt === 5) throw error;
    }
  }
}

function ofWays(
  server: 'database' | 'nats',
  { cutMs, lateMs, lostMs }: { readonly cutMs: number; readonly lateMs: number; readonly lostMs: number },
): Record<string, Fault> {
  const through = async ({ ways }: Scene, name: string, state: WayState, forMs: number) => {
    const way = ways[server].get(name);
    way?.become(state);
    await pause(forMs);
    way?.become('open');
  };
  const short = (scene: Scene, mostMs: number) => 500 + scene.random.uniform() * mostMs;
  return {
    [`${server} cut`]: (scene, name) => through(scene, name, 'cut', short(scene, cutMs)),
    [`requests to the ${server} late`]: (scene, name) => through(scene, name, 'late requests', short(scene, lateMs)),
    [`answers of the ${server} lost`]: (scene, name) => through(scene, name, 'lost answers', short(scene, lostMs)),
    [`connections to the ${server} reset`]: async ({ ways }, name) => ways[server].get(name)?.reset(),
  };
}

export async function asleep(node: Product, forMs: number): Promise<void> {
  process.kill(node.pid, 'SIGSTOP');
  await pause(forMs);
  process.kill(node.pid, 'SIGCONT');
}

/** Killed, and started again within two leases. */
export async function outage(
  server: { kill(): Promise<void>; restart(): Promise<void> },
  random: Random,
): Promise<void> {
  await server.kill();
  await pause(random.uniform() * 2 * TIMING.leaseTtlMs);
  await server.restart();
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

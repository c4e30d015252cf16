import fs from 'node:fs';
import path from 'node:path';
import { SHARD_COUNT } from '../../runtime/ownership.ts';
import type { ChaosPlant } from '../chaos/chaos-plant.ts';
import type { Gateway } from '../chaos/operators.ts';
import { until } from '../support/condition.ts';
import { METERS_AND_TANKS } from '../support/meters-and-tanks.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { type ApiAnswer, Product } from '../support/product.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { NO_POSTGRES, PostgresServer } from '../support/servers/postgres.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Why the product cannot run as a cell here; false where it can. */
export const skip = noNats || NO_POSTGRES;

/** A plant whose devices are on connections of their own, so that every node of a cell drives some of them. */
export interface CellPlant extends ChaosPlant {
  /** What meters call their devices, as it stands in the topic: `net-1/m-1` is device `m-1`. */
  readonly meters: readonly string[];
}

/** Lines of a topology file, for connections and devices beside the meters. */
export interface Beside {
  readonly connections?: readonly string[];
  readonly devices?: readonly string[];
}

/** Intervals are long, so that what is decided follows from readings and commands, and not from the clock. */
export function writeCellPlant(
  dir: string,
  brokerUrl: string,
  size: number,
  perConnection = 1,
  beside: Beside = {},
): CellPlant {
  const numbers = Array.from({ length: size }, (_, index) => index + 1);
  const netOf = (n: number) => Math.ceil(n / perConnection);
  const nets = [...new Set(numbers.map(netOf))];
  const topology = path.join(dir, 'plant.yaml');
  const site = (n: number) => (n % 2 === 0 ? 'north' : 'south');
  const lines = [
    'signalbox: 1',
    'organization: { id: cell, name: Works of a cell }',
    'sites:',
    '  - { id: north, name: North, timeZone: Europe/Berlin }',
    '  - { id: south, name: South, timeZone: Europe/Berlin }',
    'connections:',
    ...nets.flatMap((n) => [
      `  - id: net-${n}`,
      '    driver: mqtt',
      `    url: ${brokerUrl}`,
      `    clientId: signalbox-net-${n}`,
      '    reconnect: { minMs: 50, maxMs: 500 }',
      '    topics:',
      `      - { topic: "plant/net-${n}/{device}" }`,
    ]),
    ...(beside.connections ?? []),
    ...METERS_AND_TANKS,
    'devices:',
    ...numbers.map(
      (n) => `  - { id: m-${n}, name: Meter ${n}, site: ${site(n)}, connection: net-${netOf(n)}, profile: meter }`,
    ),
    ...(beside.devices ?? []),
    'assets:',
    ...numbers.map(
      (n) => `  - { id: a-${n}, name: Tank ${n}, site: ${site(n)}, profile: tank, links: [{ device: m-${n} }] }`,
    ),
  ];
  fs.writeFileSync(topology, `${lines.join('\n')}\n`);
  return {
    topology,
    devices: numbers.map((n) => `m-${n}`),
    assets: numbers.map((n) => `a-${n}`),
    rules: ['high', 'low', 'extreme'],
    meters: numbers.map((n) => `net-${netOf(n)}/m-${n}`),
  };
}

export interface PlantCellOptions {
  readonly nodes: readonly string[];
  readonly devices: number;
  readonly devicesPerConnection?: number;
  /** Another plant than that of `writeCellPlant`. */
  readonly write?: (dir: string, brokerUrl: string) => CellPlant;
  /** What a node is given beside the servers; for one that reaches them through proxies of its own. */
  readonly environmentOf?: (node: string, database: URL, nats: URL) => Promise<Readonly<Record<string, string>>>;
}

/** The product as a cell of real processes, with servers of its own. The first node makes the first key. */
export class PlantCell {
  readonly postgres: PostgresServer;
  readonly nats: NatsServer;
  readonly broker: Mosquitto;
  readonly plant: CellPlant;
  readonly database: string;
  readonly nodes = new Map<string, Product>();
  readonly #temp: ReturnType<typeof tempDir>;
  #key: string | undefined;

  private constructor(
    servers: { postgres: PostgresServer; nats: NatsServer; broker: Mosquitto; database: string },
    temp: ReturnType<typeof tempDir>,
    plant: CellPlant,
  ) {
    this.postgres = servers.postgres;
    this.nats = servers.nats;
    this.broker = servers.broker;
    this.database = servers.database;
    this.#temp = temp;
    this.plant = plant;
  }

  static async start({
    nodes,
    devices,
    devicesPerConnection,
    write,
    environmentOf,
  }: PlantCellOptions): Promise<PlantCell> {
    const temp = tempDir('plant-cell');
    const [postgres, nats, broker] = await Promise.all([
      PostgresServer.start({ fsync: 'off' }),
      NatsServer.start(),
      Mosquitto.start(temp.dir, ['max_inflight_messages 200']),
    ]);
    const plant = write?.(temp.dir, broker.url) ?? writeCellPlant(temp.dir, broker.url, devices, devicesPerConnection);
    const cell = new PlantCell({ postgres, nats, broker, database: await postgres.newDatabase() }, temp, plant);
    try {
      const [first, ...others] = nodes;
      const start = async (name: string) =>
        cell.add(name, (await environmentOf?.(name, new URL(cell.database), new URL(nats.url))) ?? {});
      if (first !== undefined) await start(first);
      await Promise.all(others.map(start));
      return cell;
    } catch (error) {
      await cell.end();
      throw error;
    }
  }

  async add(name: string, environment: Readonly<Record<string, string>> = {}): Promise<Product> {
    const product = await Product.start({
      dataDir: path.join(this.#temp.dir, name),
      topology: this.plant.topology,
      args: ['--node', name],
      environment: {
        SIGNALBOX_DATABASE_URL: this.database,
        SIGNALBOX_NATS_URL: this.nats.url,
        SIGNALBOX_REQUESTS_PER_MINUTE: '1000000',
        SIGNALBOX_CHECKPOINT_INTERVAL_MS: '1000',
        ...environment,
      },
      ...(this.#key !== undefined && { key: this.#key }),
    });
    this.#key ??= product.key;
    this.nodes.set(name, product);
    return product;
  }

  /** A folder of its own for what runs beside the nodes; removed with theirs. */
  folder(name: string): string {
    return path.join(this.#temp.dir, name);
  }

  node(name: string): Product {
    const product = this.nodes.get(name);
    if (product === undefined) throw new Error(`there is no ${name}`);
    return product;
  }

  get running(): Product[] {
    return [...this.nodes.values()].filter((node) => node.running);
  }

  /** Every shard is open at one of the nodes that run, and each of them has at least so many. */
  async balanced(atLeast = 1, withinMs = 90_000): Promise<void> {
    await until(
      'every shard is open, and every node has some',
      async () => {
        const owned = await Promise.all(this.running.map(shardsOf));
        return owned.every((count) => count >= atLeast) && owned.reduce((sum, count) => sum + count, 0) === SHARD_COUNT;
      },
      withinMs,
    ).catch(async (error: unknown) => {
      for (const [name, node] of this.nodes)
        console.error(
          `${name}:`,
          node.running ? await healthOf(node).catch(String) : 'does not run',
          node.stderr.slice(-2000),
        );
      throw error;
    });
  }

  async end(): Promise<void> {
    await Promise.all([...this.nodes.values()].map((node) => node.kill()));
    await Promise.all([this.postgres.remove(), this.nats.remove(), this.broker.kill('SIGKILL')]);
    this.#temp.remove();
  }
}

interface Parts {
  readonly parts: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
}

async function healthOf(node: Product): Promise<Parts['parts']> {
  return (await node.get<Parts>('/health')).parts;
}

/** Shards of a node whose entities are all live, as its health says; 0 where it does not say. */
export async function shardsOf(node: Product): Promise<number> {
  try {
    const detail = (await healthOf(node)).find(({ name }) => name === 'cell')?.detail ?? '';
    const [, owned = 0] = / has (\d+) of /.exec(detail) ?? [];
    const [, rising = 0] = / (\d+) of them are being recovered/.exec(detail) ?? [];
    return Number(owned) - Number(rising);
  } catch {
    return 0;
  }
}

/** Every node in turn: what one did not answer is asked at the next. Keeps account of what was not answered as it should. */
export class AnyNode implements Gateway {
  readonly #cell: PlantCell;
  /** What nodes answered that could not do it now, with the moment. */
  readonly failed: { readonly node: string; readonly status: number; readonly text: string; readonly atMs: number }[] =
    [];
  /** How long each answer took. */
  readonly tookMs: number[] = [];
  #next = 0;

  constructor(cell: PlantCell) {
    this.#cell = cell;
  }

  async request<T = unknown>(...asked: Parameters<Product['request']>): Promise<ApiAnswer<T>> {
    const { running } = this.#cell;
    const node = running[this.#next++ % running.length];
    if (node === undefined) throw new Error('no node runs');
    const fromMs = performance.now();
    const answer = await node.request<T>(...asked);
    this.tookMs.push(performance.now() - fromMs);
    if (answer.status >= 500 && !answer.ok) {
      const { code, message } = answer.body.error;
      const name = [...this.#cell.nodes].find(([, product]) => product === node)?.[0] ?? '?';
      this.failed.push({ node: name, status: answer.status, text: `${code}: ${message}`, atMs: performance.now() });
    }
    return answer;
  }
}

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { entityId } from '../../runtime/ids.ts';
import type { JournalEntry } from '../../runtime/journal.ts';
import { SHARD_COUNT } from '../../runtime/ownership.ts';
import { openPostgres } from '../../runtime/sql/open-postgres.ts';
import { postgresAddress } from '../../runtime/sql/postgres-url.ts';
import { until } from '../support/condition.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { NO_POSTGRES, PostgresServer } from '../support/servers/postgres.ts';
import { type CounterNode, counterNodes } from './cell-of-counters.ts';
import { History } from './history.ts';

/** Half of the product's, so that a test has time for several. */
export const LEASE_MS = 1500;
const ENTITIES = Array.from({ length: 24 }, (_, n) => entityId('counter', `c-${n}`));
const CLIENTS = 6;
/** Why tests of a cell cannot run here; false where they can. */
export const skip = noNats || NO_POSTGRES;

/** Load from clients that repeat under the same id, at another node, what they were not told the end of. */
export class Load {
  readonly history = new History();
  readonly #nodes: readonly CounterNode[];
  readonly #clients: Promise<void>[];
  #on = true;

  constructor(nodes: readonly CounterNode[]) {
    this.#nodes = nodes;
    this.#clients = Array.from({ length: CLIENTS }, (_, client) => this.#client(client));
  }

  /** Resolves when every command that was sent has been answered. */
  async end(): Promise<void> {
    this.#on = false;
    await Promise.all(this.#clients);
  }

  async #client(client: number): Promise<void> {
    for (let n = 0; this.#on; n++) {
      const entity = ENTITIES[Math.floor(Math.random() * ENTITIES.length)];
      assert.ok(entity);
      await this.#once({ entity, amount: n % 7, commandId: `${client}-${n}`, user: `client-${client}` }, client + n);
    }
  }

  async #once(ask: Parameters<CounterNode['ask']>[0], first: number): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const node = this.#nodes[(first + attempt) % this.#nodes.length];
      assert.ok(node);
      this.history.sent(ask);
      const reply = await node.ask(ask);
      if (reply?.ok) return this.history.answered(ask.commandId, reply);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function journalOf(url: string): Promise<JournalEntry[]> {
  const store = await openPostgres(postgresAddress(url, {}));
  const rows: JournalEntry[] = [];
  for (let after = 0; ; after = rows.at(-1)?.position ?? 0) {
    const page = await store.journal.query({ after, limit: 5000 });
    if (page.length === 0) break;
    rows.push(...page);
  }
  await store.close();
  return rows;
}

/** A cell of nodes over servers of its own, with every shard open. */
export async function cell(t: TestContext, ...names: string[]) {
  const postgres = await PostgresServer.start({ fsync: 'off' });
  t.after(() => postgres.remove());
  const nats = await NatsServer.start({ jetStream: false });
  t.after(() => nats.remove());
  const url = await postgres.newDatabase();
  const nodes = counterNodes(t, names, { DATABASE_URL: url, NATS_URL: nats.url, LEASE_MS: `${LEASE_MS}` });
  await Promise.all(nodes.map((node) => node.start()));
  await allOpen(nodes);
  return { postgres, nats, url, nodes };
}

/** Every shard is open at one of these nodes. */
export async function allOpen(nodes: readonly CounterNode[]): Promise<number> {
  const fromMs = performance.now();
  const open = () => nodes.reduce((sum, node) => sum + node.open, 0);
  await until('every shard is open', () => open() === SHARD_COUNT, 60_000);
  return performance.now() - fromMs;
}

/** Ends the load and holds what it was told against the journal; returns the number of its rows. */
export async function checked(load: Load, url: string, nodes: readonly CounterNode[]): Promise<number> {
  await load.end();
  const rows = await journalOf(url);
  load.history.check(rows);
  for (const { said } of nodes) assert.ok(!said.some((line) => line.includes('"broken"')), said.join('\n'));
  return rows.length;
}

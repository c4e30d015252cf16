import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
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

const LEASE_MS = 1500;
const ENTITIES = Array.from({ length: 24 }, (_, n) => entityId('counter', `c-${n}`));
const CLIENTS = 6;
const skip = noNats || NO_POSTGRES;

/** Load from clients that repeat under the same id, at another node, what they were not told the end of. */
class Load {
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

describe('the ownership of a cell, over real processes, PostgreSQL and NATS', { skip }, () => {
  async function cell(t: TestContext, ...names: string[]) {
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
  async function allOpen(nodes: readonly CounterNode[]): Promise<number> {
    const fromMs = performance.now();
    const open = () => nodes.reduce((sum, node) => sum + node.open, 0);
    await until('every shard is open', () => open() === SHARD_COUNT, 60_000);
    return performance.now() - fromMs;
  }

  async function checked(load: Load, url: string, nodes: readonly CounterNode[]): Promise<number> {
    await load.end();
    const rows = await journalOf(url);
    load.history.check(rows);
    for (const { said } of nodes) assert.ok(!said.some((line) => line.includes('"broken"')), said.join('\n'));
    return rows.length;
  }

  test('nodes killed with -9 lose nothing that was acknowledged, and the others take over', async (t) => {
    const { url, nodes } = await cell(t, 'a', 'b', 'c');
    const load = new Load(nodes);
    const [a, b] = nodes;
    assert.ok(a && b);
    for (const victim of [a, b]) {
      await until('work is done', () => load.history.acknowledged > 50);
      await victim.kill();
      const tookMs = await allOpen(nodes.filter((node) => node !== victim));
      t.diagnostic(`every shard open again ${Math.round(tookMs)} ms after kill -9, with a lease of ${LEASE_MS} ms`);
      await victim.start();
    }
    const before = load.history.acknowledged;
    await until('it goes on', () => load.history.acknowledged > before + 50, 20_000);
    const rows = await checked(load, url, nodes);
    assert.ok(rows > 100, `${rows} rows`);
  });

  test('a node stopped in its tracks for half a lease, one and a half and three does no harm when it goes on', async (t) => {
    const { url, nodes } = await cell(t, 'a', 'b');
    const load = new Load(nodes);
    const [a] = nodes;
    assert.ok(a);
    for (const leases of [0.5, 1.5, 3]) {
      await a.stopFor(leases * LEASE_MS);
      await allOpen(nodes);
      const before = load.history.acknowledged;
      await until('it goes on', () => load.history.acknowledged > before + 50, 20_000);
    }
    await checked(load, url, nodes);
    assert.ok(
      a.said.some((line) => line.includes('suspended') || line.includes('lost')),
      'it noticed that it had slept',
    );
  });

  test('a node that leaves hands over and nobody waits for its lease; one that comes gets its part', async (t) => {
    const { url, nodes } = await cell(t, 'a', 'b');
    const load = new Load(nodes);
    const [a, b] = nodes;
    assert.ok(a && b);
    await until('work is done', () => load.history.acknowledged > 50);
    await a.leave();
    await until('b has it all', () => b.open === SHARD_COUNT, 20_000);
    await a.start();
    await until('a has its part again', () => a.open > SHARD_COUNT / 4 && a.open + b.open === SHARD_COUNT, 60_000);
    await checked(load, url, nodes);
    assert.ok(!a.said.concat(b.said).some((line) => line.includes('fenced')), 'a planned move fences nobody');
  });

  test('PostgreSQL killed and started again, and NATS: what was in doubt is read back, and all goes on by itself', async (t) => {
    const { url, nodes, postgres, nats } = await cell(t, 'a', 'b');
    const load = new Load(nodes);
    for (const server of [postgres, nats]) {
      await until('work is done', () => load.history.acknowledged > 50);
      await server.kill('SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 2 * LEASE_MS));
      await server.restart();
      await allOpen(nodes);
      const before = load.history.acknowledged;
      await until('it goes on', () => load.history.acknowledged > before + 50, 30_000);
    }
    await checked(load, url, nodes);
  });
});

import path from 'node:path';
import { pino } from 'pino';
import { openHistorian } from '../../gateways/historian/open.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { Node, type NodeOptions } from '../../runtime/node.ts';
import type { Population } from '../../runtime/population.ts';
import { openSqlite } from '../../runtime/sql/open.ts';

/** A node on real storage in a folder. `crash` ends it with nothing drained; `stop` in good order. */
export async function startEngine(dir: string, population: Population, overrides: Partial<NodeOptions> = {}) {
  const storage = await openSqlite(dir);
  const historian = await openHistorian({ dir: path.join(dir, 'history'), logFile: storage.logFile, log: storage.log });
  const node = await Node.start({
    name: 'test',
    population,
    storage: { ...storage, historian },
    outlets: {},
    metrics: createMetrics(),
    log: pino({ level: 'silent' }),
    flushIntervalMs: 5,
    checkpointIntervalMs: 200,
    maxOutstanding: 1000,
    maxWaiting: 10_000,
    ...overrides,
  });
  const close = async () => {
    await historian.close();
    await storage.close();
  };
  return {
    node,
    storage,
    async stop() {
      await node.stop();
      await close();
    },
    async crash() {
      await node.halt();
      await close();
    },
  };
}

import path from 'node:path';
import { pino } from 'pino';
import { openHistorian } from '../../gateways/historian/open.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { Node } from '../../runtime/node.ts';
import type { NodeOptions, Storage } from '../../runtime/node-options.ts';
import type { Population } from '../../runtime/population.ts';
import { openSqlite } from '../../runtime/sql/open.ts';

/** Real storage in a folder. */
export async function openStorage(dir: string) {
  const storage = await openSqlite(dir);
  const historian = await openHistorian({ dir: path.join(dir, 'history'), logFile: storage.logFile, log: storage.log });
  const close = async () => {
    await historian.close();
    await storage.close();
  };
  return { ...storage, historian, close };
}

export type TestStorage = Awaited<ReturnType<typeof openStorage>>;

/** A node on real storage. `node.halt()` ends it as a crash would, with everything in memory lost; `node.stop()` in good order. */
export function startNode(
  storage: Storage,
  population: Population,
  overrides: Partial<NodeOptions> = {},
): Promise<Node> {
  return Node.start({
    name: 'test',
    population,
    storage,
    outlets: {},
    metrics: createMetrics(),
    log: pino({ level: 'silent' }),
    flushIntervalMs: 5,
    checkpointIntervalMs: 200,
    maxOutstanding: 1000,
    maxWaiting: 10_000,
    ...overrides,
  });
}

import { workerData } from 'node:worker_threads';
import { z } from 'zod';
import { serve } from '../../runtime/sql/rpc.ts';
import { LogFileSource } from './log-file-source.ts';
import { ServerHistorian } from './server-historian.ts';
import { ServerStore, sampleStoreOf } from './server-store.ts';

const Carrier = z.object({
  pollIntervalMs: z.number(),
  writeIntervalMs: z.number(),
  batchRecords: z.number(),
  firstRetryMs: z.number(),
  maxRetryMs: z.number(),
});
const { logFile, store, carrier } = z
  .object({ logFile: z.string(), store: ServerStore, carrier: Carrier })
  .parse(workerData);

await serve(async () => {
  const source = new LogFileSource(logFile);
  const historian = new ServerHistorian(source, sampleStoreOf(store, source.id), carrier);
  const close = async () => {
    await historian.close();
    source.close();
  };
  return { parts: { historian }, close };
});

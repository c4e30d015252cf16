import { workerData } from 'node:worker_threads';
import { z } from 'zod';
import { NatsPlace } from '../../runtime/nats/place.ts';
import { serve } from '../../runtime/sql/rpc.ts';
import { LogFileSource } from './log-file-source.ts';
import type { LogSource } from './sample-store.ts';
import { ServerHistorian } from './server-historian.ts';
import { ServerStore, sampleStoreOf } from './server-store.ts';

const Carrier = z.object({
  pollIntervalMs: z.number(),
  writeIntervalMs: z.number(),
  batchRecords: z.number(),
  carries: z.boolean(),
  firstRetryMs: z.number(),
  maxRetryMs: z.number(),
});
const Options = z.object({ store: ServerStore, carrier: Carrier });
const options = z
  .union([Options.extend({ logFile: z.string() }), Options.extend({ nats: NatsPlace })])
  .parse(workerData);

/** The log's file, or the log on NATS over a connection of its own. */
async function openSource(): Promise<LogSource & { readonly id: string; close(): Promise<void> | void }> {
  if ('logFile' in options) return new LogFileSource(options.logFile);
  // Loaded only where it is used.
  const { openNatsLog } = await import('../../runtime/nats/open.ts');
  return openNatsLog(options.nats);
}

await serve(async () => {
  const source = await openSource();
  const historian = new ServerHistorian(source, sampleStoreOf(options.store, source.id), options.carrier);
  const close = async () => {
    await historian.close();
    await source.close();
  };
  return { parts: { historian }, close };
});

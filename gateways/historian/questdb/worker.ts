import { workerData } from 'node:worker_threads';
import { z } from 'zod';
import { serve } from '../../../runtime/sql/rpc.ts';
import { LogFileSource } from '../log-file-source.ts';
import { ServerHistorian } from '../server-historian.ts';
import { QuestDbStore } from './store.ts';

const { logFile, carrier, ...options } = z
  .object({
    logFile: z.string(),
    url: z.string(),
    prefix: z.string(),
    writeTimeoutMs: z.number(),
    queryTimeoutMs: z.number(),
    carrier: z.object({
      pollIntervalMs: z.number(),
      writeIntervalMs: z.number(),
      batchRecords: z.number(),
      firstRetryMs: z.number(),
      maxRetryMs: z.number(),
    }),
  })
  .parse(workerData);

await serve(async () => {
  const source = new LogFileSource(logFile);
  const historian = new ServerHistorian(source, new QuestDbStore({ ...options, log: source.id }), carrier);
  const close = async () => {
    await historian.close();
    source.close();
  };
  return { parts: { historian }, close };
});

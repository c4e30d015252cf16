import { workerData } from 'node:worker_threads';
import { z } from 'zod';
import { LogFile } from './log-file.ts';
import { serve } from './rpc.ts';

const { file, maxBytes } = z.object({ file: z.string(), maxBytes: z.number().optional() }).parse(workerData);

await serve(async () => {
  const log = new LogFile(file, { maxBytes });
  return { parts: { log }, close: () => log.close() };
});

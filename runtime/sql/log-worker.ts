import { workerData } from 'node:worker_threads';
import { z } from 'zod';
import { LogFile } from './log-file.ts';
import { HandedOver, serve } from './rpc.ts';

const { file, maxBytes } = z.object({ file: z.string(), maxBytes: z.number().optional() }).parse(workerData);

await serve(async () => {
  const log = new LogFile(file, { maxBytes });
  const blocks = {
    read(afterPosition: number, limit: number): HandedOver {
      const read = log.read(afterPosition, limit);
      return new HandedOver(
        read,
        read.map(({ data }) => data.buffer),
      );
    },
  };
  return { parts: { log, blocks }, close: () => log.close() };
});

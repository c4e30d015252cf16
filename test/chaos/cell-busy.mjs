// Loaded into a node of a cell that is to be disturbed: on SIGUSR2 its event loop is kept busy for a while.
import { isMainThread } from 'node:worker_threads';

const BUSY_MS = Number(process.env.CHAOS_BUSY_MS ?? 9000);

if (isMainThread)
  process.on('SIGUSR2', () => {
    const endMs = performance.now() + BUSY_MS;
    while (performance.now() < endMs);
  });

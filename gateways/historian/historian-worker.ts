import { workerData } from 'node:worker_threads';
import { z } from 'zod';
import type { Historian } from '../../runtime/historian.ts';
import { serve } from '../../runtime/sql/rpc.ts';
import { LogFollower } from './log-follower.ts';

const options = z
  .object({ dir: z.string(), logFile: z.string(), flushIntervalMs: z.number(), maxBufferedCells: z.number() })
  .parse(workerData);

/** What the worker serves beside the historian itself. */
export interface Follower {
  /** The log has grown. */
  advanced(): Promise<void>;
}

await serve(async () => {
  const follower = new LogFollower(options);
  const { history } = follower;
  const historian: Omit<Historian, 'close'> = {
    raw: async (query) => history.raw(query),
    windows: async (query) => history.windows(query),
    position: async () => history.stored,
    caughtUp: (position) => follower.caughtUp(position),
    statistics: async () => ({
      ...history.statistics(),
      consumedPosition: follower.position,
      problem: follower.problem,
    }),
    trim: async (olderThanMs) => history.trim(olderThanMs),
  };
  const told: Follower = { advanced: async () => follower.advance() };
  return { parts: { historian, follower: told }, close: () => follower.close() };
});

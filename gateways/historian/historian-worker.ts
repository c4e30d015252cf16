import { workerData } from 'node:worker_threads';
import { z } from 'zod';
import type { Historian } from '../../runtime/historian.ts';
import { NatsPlace } from '../../runtime/nats/place.ts';
import { serve } from '../../runtime/sql/rpc.ts';
import { FeedFollower } from './feed-follower.ts';
import { LogFollower } from './log-follower.ts';

const place = { dir: z.string(), flushIntervalMs: z.number(), maxBufferedCells: z.number() };
const options = z
  .union([z.object({ ...place, logFile: z.string() }), z.object({ ...place, nats: NatsPlace })])
  .parse(workerData);

/** What the worker serves beside the historian itself. */
export interface Follower {
  /** The log has grown. */
  advanced(): Promise<void>;
}

/** Reads the log's file, or follows the log on NATS over a connection of its own. */
async function followerOf(): Promise<LogFollower | FeedFollower> {
  if ('logFile' in options) return new LogFollower(options);
  // Loaded only where it is used.
  const { openNatsLog } = await import('../../runtime/nats/open.ts');
  return new FeedFollower({ ...options, log: await openNatsLog(options.nats) });
}

await serve(async () => {
  const follower = await followerOf();
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

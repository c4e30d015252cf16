import type { Historian } from '../../runtime/historian.ts';
import type { NatsPlace } from '../../runtime/nats/place.ts';
import { remote, WorkerClient } from '../../runtime/sql/rpc.ts';
import type { Follower } from './historian-worker.ts';
import type { FollowerOptions } from './log-follower.ts';
import { type GrowingLog, tellGrowth } from './log-growth.ts';

export interface HistorianOptions extends Pick<FollowerOptions, 'dir'> {
  /** The log's file, or where it is on NATS: the historian reads it in a thread of its own. */
  readonly logFile?: string | undefined;
  readonly nats?: NatsPlace | undefined;
  /** Tells when the log has grown; without it the historian looks once a second. */
  readonly log?: GrowingLog;
  readonly flushIntervalMs?: number;
  readonly maxBufferedCells?: number;
}

/** Two million cells are 16 MB. */
const DEFAULTS = { flushIntervalMs: 30_000, maxBufferedCells: 2_000_000 };

/**
 * The historian on SQLite files, one a UTC day, in a worker that reads the log by itself. A sample can be asked for
 * once it is read, within 50 ms or so. `position` is what is on the disk: the log may be trimmed up to there.
 */
export async function openHistorian(options: HistorianOptions): Promise<Historian> {
  const { log, ...given } = options;
  const workerData = { ...DEFAULTS, ...given };
  const client = await WorkerClient.start('historian', './historian-worker', import.meta.url, workerData);
  const follower = remote<Follower>(client, 'follower', { advanced: true });
  // On NATS it hears by itself.
  const silence = tellGrowth(given.nats === undefined ? log : undefined, () => follower.advanced());
  return {
    ...remote<Omit<Historian, 'close'>>(client, 'historian', {
      raw: true,
      windows: true,
      position: true,
      caughtUp: true,
      statistics: true,
      trim: true,
    }),
    close: async () => {
      silence();
      await client.close();
    },
  };
}

import type { Historian } from '../../runtime/historian.ts';
import type { NatsPlace } from '../../runtime/nats/place.ts';
import { remote, WorkerClient } from '../../runtime/sql/rpc.ts';
import { CARRIER_DEFAULTS, type CarrierOptions } from './log-carrier.ts';
import { type GrowingLog, tellGrowth } from './log-growth.ts';
import { ServerHistorian } from './server-historian.ts';
import { type ServerStore, sampleStoreOf } from './server-store.ts';

export interface ServerHistorianOptions {
  readonly store: ServerStore;
  readonly log: GrowingLog;
  /** The log's file, or where it is on NATS: a thread of its own reads it. Without either the log is read through its port. */
  readonly logFile?: string | undefined;
  readonly nats?: NatsPlace | undefined;
  readonly carrier?: Partial<CarrierOptions>;
}

/** One that others may have on the same server: told which of them carries the log there. */
export type CarriedHistorian = Historian & Pick<ServerHistorian, 'carry'>;

type Served = CarriedHistorian & Pick<ServerHistorian, 'advanced'>;

/**
 * The historian on a database server. Opens at once, whether the server answers or not: until it does the log keeps
 * everything, and questions fail with STORE_LOST.
 */
export async function openServerHistorian(options: ServerHistorianOptions): Promise<CarriedHistorian> {
  const { log, logFile, nats, store } = options;
  const carrier = { ...CARRIER_DEFAULTS, ...options.carrier };
  const historian: Served =
    logFile !== undefined || nats !== undefined
      ? await inWorker({ logFile, nats, store, carrier })
      : new ServerHistorian(log, sampleStoreOf(store, log.id ?? 'log'), carrier);
  const silence = tellGrowth(log, () => historian.advanced());
  return {
    raw: (query) => historian.raw(query),
    windows: (query) => historian.windows(query),
    position: () => historian.position(),
    caughtUp: (position) => historian.caughtUp(position),
    statistics: () => historian.statistics(),
    trim: (olderThanMs) => historian.trim(olderThanMs),
    carry: (carries) => historian.carry(carries),
    close: () => {
      silence();
      return historian.close();
    },
  };
}

async function inWorker(workerData: object): Promise<Served> {
  const client = await WorkerClient.start('historian', './server-worker', import.meta.url, workerData);
  const served = remote<Omit<Served, 'close'>>(client, 'historian', {
    raw: true,
    windows: true,
    position: true,
    caughtUp: true,
    statistics: true,
    trim: true,
    carry: true,
    advanced: true,
  });
  return { ...served, close: () => client.close() };
}

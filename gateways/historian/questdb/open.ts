import type { Historian } from '../../../runtime/historian.ts';
import { remote, WorkerClient } from '../../../runtime/sql/rpc.ts';
import { CARRIER_DEFAULTS, type CarrierOptions } from '../log-carrier.ts';
import { type GrowingLog, tellGrowth } from '../log-growth.ts';
import { ServerHistorian } from '../server-historian.ts';
import { QuestDbStore, type QuestDbStoreOptions } from './store.ts';

export interface QuestDbHistorianOptions extends Partial<Omit<QuestDbStoreOptions, 'url' | 'log'>> {
  /** `http://host:9000`, with `user:password@` where the server asks for them. */
  readonly url: string;
  readonly log: GrowingLog;
  /** The log's file, where it has one on this machine: a thread of its own reads that. Else the log is read through its port. */
  readonly logFile?: string | undefined;
  readonly carrier?: Partial<CarrierOptions>;
}

const DEFAULTS = { prefix: 'signalbox', writeTimeoutMs: 20_000, queryTimeoutMs: 30_000 };

type Served = Historian & Pick<ServerHistorian, 'advanced'>;

/**
 * The historian on QuestDB. Opens at once, whether the server answers or not: until it does the log keeps everything, and
 * questions fail with STORE_LOST.
 */
export async function openQuestDbHistorian(options: QuestDbHistorianOptions): Promise<Historian> {
  const { log, logFile, carrier: given, ...rest } = options;
  const carrier = { ...CARRIER_DEFAULTS, ...given };
  const settings = { ...DEFAULTS, ...rest };
  const historian: Served =
    logFile !== undefined
      ? await inWorker({ ...settings, logFile, carrier })
      : new ServerHistorian(log, new QuestDbStore({ ...settings, log: log.id ?? 'log' }), carrier);
  const silence = tellGrowth(log, () => historian.advanced());
  return {
    raw: (query) => historian.raw(query),
    windows: (query) => historian.windows(query),
    position: () => historian.position(),
    caughtUp: (position) => historian.caughtUp(position),
    statistics: () => historian.statistics(),
    trim: (olderThanMs) => historian.trim(olderThanMs),
    close: () => {
      silence();
      return historian.close();
    },
  };
}

async function inWorker(workerData: object): Promise<Served> {
  const client = await WorkerClient.start('historian', './worker', import.meta.url, workerData);
  const served = remote<Omit<Served, 'close'>>(client, 'historian', {
    raw: true,
    windows: true,
    position: true,
    caughtUp: true,
    statistics: true,
    trim: true,
    advanced: true,
  });
  return { ...served, close: () => client.close() };
}

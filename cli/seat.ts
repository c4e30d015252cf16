import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { nameIsFree } from '../runtime/cluster/free-name.ts';
import { TIMING } from '../runtime/cluster/timing.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Seat } from '../runtime/seat.ts';
import type { Settings } from '../runtime/settings.ts';
import type { Storage } from '../runtime/sql/open.ts';
import { natsAccess } from './nats.ts';
import { version } from './version.ts';

/** The exit code of a node that found a state which it holds impossible: whoever watches the process starts it anew. */
const BROKEN = 70;

export interface TakenSeat extends Seat {
  close(): Promise<void>;
}

/** With a database and a log that others can reach as well, a node is one of a cell; it may be the only one. */
export function hasSeat({ DATABASE_URL, NATS_URL }: Settings): boolean {
  return DATABASE_URL !== undefined && NATS_URL !== undefined;
}

/** The place of this node in its cell: the link to the others, the lane of live views and the cache of them. */
export async function seatOf(settings: Settings, storage: Storage, log: Logger): Promise<TakenSeat | undefined> {
  const { NATS_URL: url, NODE: node, NATS_STREAM_PREFIX: cell } = settings;
  if (url === undefined || !hasSeat(settings)) return undefined;
  // Loaded only where they are used.
  const [{ MoleculerLink }, { NatsLink }, { NatsLiveLane }] = await Promise.all([
    import('../runtime/moleculer/link.ts'),
    import('../runtime/nats/connection.ts'),
    import('../runtime/nats/live-lane.ts'),
  ]);
  await nameIsFree({
    rows: storage.cluster,
    node,
    leaseTtlMs: TIMING.leaseTtlMs,
    waiting: () => log.info({}, 'the lease of a former process of this node has not run out yet; it is waited for'),
  });
  const link = new MoleculerLink({
    node,
    cell,
    nats: natsAccess(settings, url),
    log,
    changed: ({ connected, detail }) => log[connected ? 'info' : 'warn']({ detail }, 'the link to the other nodes'),
  });
  const nats = await NatsLink.open(
    {
      ...natsAccess(settings, url),
      name: `signalbox ${node} live`,
      startTimeoutMs: settings.NATS_START_TIMEOUT_MS,
      noEcho: true,
    },
    (reason) => log.warn({ reason }, 'NATS does not answer yet; it is tried again'),
  );
  const lane = new NatsLiveLane(nats, cell);
  const cache = await cacheOf(settings, cell);
  return {
    link,
    rows: storage.cluster,
    plant: fingerprintOf(settings.TOPOLOGY),
    lane,
    ...(cache && { cache: cache.cache }),
    broken: (error) => {
      log.fatal({ err: error }, 'this node is in a state that cannot be; it ends');
      console.error(`signalbox: this node is in a state that cannot be, and ends: ${messageOf(error)}`);
      process.exit(BROKEN);
    },
    close: async () => {
      await lane.close();
      await cache?.close();
      await nats.close();
    },
  };
}

/** What it refers to in the environment may differ from node to node. */
function fingerprintOf(file: string | undefined): string {
  return file === undefined ? `demo ${version()}` : createHash('sha256').update(readFileSync(file)).digest('hex');
}

async function cacheOf({ REDIS_URL: url, NODE: node }: Settings, cell: string) {
  if (url === undefined) return undefined;
  const [{ RedisLink }, { RedisLiveCache }] = await Promise.all([
    import('../runtime/redis/connection.ts'),
    import('../runtime/redis/live-cache.ts'),
  ]);
  const link = new RedisLink(url, `signalbox ${node}`);
  const cache = new RedisLiveCache({ link, cell, node });
  return {
    cache,
    close: async () => {
      await cache.close();
      await link.close();
    },
  };
}

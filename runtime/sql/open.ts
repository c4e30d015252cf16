import { hostname } from 'node:os';
import path from 'node:path';
import { TIMING } from '../cluster/timing.ts';
import type { ClusterRows } from '../cluster-rows.ts';
import type { CommandStore } from '../edge/command-store.ts';
import type { JournalReplicas } from '../edge/journal-replica.ts';
import type { UplinkMemory } from '../edge/uplink-memory.ts';
import type { Journal } from '../journal.ts';
import type { DeadLetterStore } from '../log.ts';
import type { Epoch } from '../ownership.ts';
import type { TokenStore } from '../token-store.ts';
import { createDataDir, openDataDir } from './data-dir.ts';
import type { JournalSpace } from './journal-space.ts';
import { remote, WorkerClient } from './rpc.ts';
import { SqlLog, type SqlLogOptions } from './sql-log.ts';

/** Of the journal, in the data folder: what makes a folder one. */
export const JOURNAL_FILE = 'journal.db';

/** What one database has beside the telemetry log. */
export interface JournalStore {
  readonly journal: Journal;
  readonly deadLetters: DeadLetterStore;
  readonly tokens: TokenStore;
  readonly claims: Claims;
  /** Who is there and who owns what, in the database of the journal. */
  readonly cluster: ClusterRows;
  /** Journals of other cells, in this one. */
  readonly replicas: JournalReplicas;
  /** Commands for other cells that wait for their link. */
  readonly keptCommands: CommandStore;
  /** What an edge keeps of its uplink over a restart. */
  readonly uplinkMemory: UplinkMemory;
  /** Room within its file; undefined where a server has it. */
  readonly space?: JournalSpace;
  close(): Promise<void>;
}

export interface Claims {
  /** Takes every shard for one process, under an epoch above all that were. */
  claimAllShards(owner: string): Promise<Epoch>;
  /** The highest position of the telemetry log that a decision or a snapshot refers to. */
  logPosition(): Promise<number>;
}

export interface Storage
  extends Pick<
    JournalStore,
    'journal' | 'deadLetters' | 'tokens' | 'cluster' | 'replicas' | 'keptCommands' | 'uplinkMemory' | 'space'
  > {
  readonly log: SqlLog;
  /** For consumers of the log that read the file in a thread of their own. */
  readonly logFile: string;
  /** Every shard is claimed under it; 0 where other nodes share them and none is. */
  readonly epoch: Epoch;
  close(): Promise<void>;
}

export interface StorageOptions {
  readonly log?: Omit<SqlLogOptions, 'file'>;
  /** Opens another database for everything but the telemetry log. */
  readonly openStore?: () => Promise<JournalStore>;
  /** Other nodes use the same database: nothing is claimed, the shards come one by one. */
  readonly shared?: boolean;
}

/**
 * Everything one process needs to keep: in one folder, which it holds until it is closed, or the journal and what belongs to it
 * in a database elsewhere.
 * Fails with DATA_DIR_NOT_WRITABLE, DATA_DIR_IN_USE or MIGRATION_FAILED.
 */
export async function openSqlite(dataDir: string, options: StorageOptions = {}): Promise<Storage> {
  const dir = openDataDir(dataDir);
  const closing: (() => Promise<void> | void)[] = [() => dir.close()];
  const close = async () => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const logFile = path.join(dir.path, 'telemetry.db');
    const store = await (options.openStore?.() ?? openJournal(dir.path));
    closing.push(store.close);
    const log = await SqlLog.open({ ...options.log, file: logFile });
    closing.push(() => log.close());
    const epoch = options.shared ? 0 : await store.claims.claimAllShards(`${hostname()}:${process.pid}`);
    // A telemetry log that somebody deleted must not give out positions again that decisions refer to.
    await log.skipTo(await store.claims.logPosition());
    const { claims: _, close: __, ...parts } = store;
    return { ...parts, log, logFile, epoch, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The tokens alone, beside a process that may be running on the same folder. */
export async function openTokens(dataDir: string): Promise<{ tokens: TokenStore; close(): Promise<void> }> {
  const { tokens, close } = await openJournal(createDataDir(dataDir));
  return { tokens, close };
}

/** The journal's database alone, in a worker. */
export async function openJournal(dir: string, options: { readonly leaseTtlMs?: number } = {}): Promise<JournalStore> {
  const workerData = { file: path.join(dir, JOURNAL_FILE), leaseTtlMs: options.leaseTtlMs ?? TIMING.leaseTtlMs };
  const client = await WorkerClient.start('journal', './journal-worker', import.meta.url, workerData);
  const close = () => client.close();
  const journal: Journal = {
    ...remote<Omit<Journal, 'close'>>(client, 'journal', {
      append: true,
      answered: true,
      events: true,
      query: true,
      end: true,
      identity: true,
      includes: true,
      saveSnapshots: true,
      snapshot: true,
      restore: true,
      entities: true,
      retire: true,
      pendingEffects: true,
      settle: true,
    }),
    saveSnapshots: async (snapshots) => {
      // A view of a pooled buffer would be cloned together with the whole pool.
      const own = snapshots.map((snapshot) => ({ ...snapshot, state: new Uint8Array(snapshot.state) }));
      await client.call(
        'journal',
        'saveSnapshots',
        [own],
        own.map((snapshot) => snapshot.state.buffer),
      );
    },
    close,
  };
  const deadLetters = remote<DeadLetterStore>(client, 'deadLetters', {
    append: true,
    query: true,
    counts: true,
    trim: true,
  });
  const tokens = remote<TokenStore>(client, 'tokens', {
    create: true,
    list: true,
    findByHash: true,
    revoke: true,
    touch: true,
    changes: true,
    settleChanges: true,
  });
  const claims = remote<Claims>(client, 'journal', { claimAllShards: true, logPosition: true });
  const cluster = remote<ClusterRows>(client, 'cluster', {
    join: true,
    renew: true,
    goodbye: true,
    view: true,
    claim: true,
    mark: true,
    release: true,
  });
  const replicas = remote<JournalReplicas>(client, 'replicas', { place: true, take: true });
  const keptCommands = remote<CommandStore>(client, 'keptCommands', {
    keep: true,
    find: true,
    waiting: true,
    claim: true,
    giveBack: true,
    end: true,
    trim: true,
  });
  const uplinkMemory = remote<UplinkMemory>(client, 'uplinkMemory', {
    refusal: true,
    refuse: true,
    trimRefusals: true,
    place: true,
    keepPlace: true,
  });
  const space = remote<JournalSpace>(client, 'space', {
    freeBytes: true,
    deadLetterBytes: true,
    dropDeadLetters: true,
  });
  return { journal, deadLetters, tokens, claims, cluster, replicas, keptCommands, uplinkMemory, space, close };
}

import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { pack, unpack } from 'msgpackr';
import type { Logger } from 'pino';
import {
  BOOK_KINDS,
  cellResolver,
  commandTtlMs,
  confirmationOf,
  NAMED_KINDS,
  SHOWN_KINDS,
  toldByCentre,
} from '../actors/cells.ts';
import { populationOf } from '../actors/population.ts';
import { unheardViews } from '../actors/unheard.ts';
import { Reports } from '../gateways/reports.ts';
import { CORE } from '../runtime/edge/cell-link.ts';
import { describeCells, describeUplink } from '../runtime/edge/cell-metrics.ts';
import { CellNames } from '../runtime/edge/cell-names.ts';
import { Centre, type MirrorImages } from '../runtime/edge/centre.ts';
import { DiskGuard, type Overflow } from '../runtime/edge/disk-guard.ts';
import type { EdgeReport } from '../runtime/edge/edge-report.ts';
import { Uplink } from '../runtime/edge/uplink.ts';
import type { MirrorImage } from '../runtime/edge/view-mirror.ts';
import { type EntityId, entityId } from '../runtime/ids.ts';
import type { Journal } from '../runtime/journal.ts';
import type { Json } from '../runtime/json.ts';
import { COMMON_GROUP, type Group } from '../runtime/live-bus.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { NatsLink } from '../runtime/nats/connection.ts';
import type { Node } from '../runtime/node.ts';
import type { AskOptions, Health, Reply, Runtime } from '../runtime/runtime.ts';
import type { Settings } from '../runtime/settings.ts';
import type { Storage } from '../runtime/sql/open.ts';
import { cellOf, cellsBeside } from '../topology/cells.ts';
import type { Plant } from '../topology/plant.ts';
import { deadLettersDroppable, historyDroppable, logDroppable, sizeOfFolder, sizeOfLog } from './disk.ts';
import { Failure } from './failure.ts';
import { natsAccess } from './nats.ts';

/** How this cell and the others work together. */
export interface Cells {
  /** This node, with what is elsewhere beside it. */
  readonly runtime: Runtime;
  /** Takes what an actor here tells one of another cell; undefined where it lives here. */
  readonly elsewhere?: (to: EntityId, command: Json, options: AskOptions) => Promise<Reply> | undefined;
  /** What the centre has of the log of this cell; it need not be kept for it. Infinity where nobody else wants it. */
  forwarded(): number;
  health(): Health['parts'];
  /** At the centre all edges; at an edge that one, as it sees itself, where it has a link. */
  edges(): readonly EdgeReport[];
  /** What runs here and where it sends to; undefined at the centre. */
  readonly shown?: string | undefined;
  stop(): Promise<void>;
}

interface CellsOptions {
  readonly settings: Settings;
  /** The whole file. */
  readonly plant: Plant;
  readonly node: Node;
  readonly storage: Storage;
  readonly metrics: Metrics;
  readonly log: Logger;
}

const NAMES = new CellNames(BOOK_KINDS, NAMED_KINDS);

/** A start that cannot be right is refused, with what would be. */
export function checkCell({ CELL, NATS_URL }: Settings, plant: Plant): void {
  const beside = cellsBeside(plant);
  if (CELL !== CORE && !beside.includes(CELL)) {
    const known = beside.length === 0 ? 'no site names a cell' : `sites name ${beside.join(', ')}`;
    throw new Failure(`signalbox: there is no cell ${CELL} in the topology file: ${known}`);
  }
  if (CELL === CORE && beside.length > 0 && NATS_URL === undefined)
    throw new Failure(
      `signalbox: the cells ${beside.join(', ')} of the topology file send to the centre over NATS: set NATS_URL`,
    );
}

export async function startCells(options: CellsOptions): Promise<Cells> {
  const { settings, plant, node } = options;
  if (settings.CELL !== CORE) return startEdge(options);
  if (cellsBeside(plant).length > 0) return startCentre(options);
  return {
    runtime: node,
    forwarded: () => Number.POSITIVE_INFINITY,
    health: () => [],
    edges: () => [],
    stop: async () => undefined,
  };
}

/** What actors here tell those of other cells. It begins before the link to them, while this node is still recovering. */
export function tellElsewhere(
  { CELL }: Settings,
  plant: Plant,
  started: () => Cells | undefined,
): NonNullable<Cells['elsewhere']> {
  const cellOf = cellResolver(plant);
  const notYet = { ok: false, code: 'UNAVAILABLE', message: 'the link to other cells is not there yet' } as const;
  return (to, command, options) => {
    const cells = started();
    if (cells !== undefined || CELL !== CORE) return cells?.elsewhere?.(to, command, options);
    return cellOf(to, command) === undefined ? undefined : Promise.resolve(notYet);
  };
}

async function startEdge({ settings, node, storage, metrics, log }: CellsOptions): Promise<Cells> {
  const guard = diskGuard(settings, node, storage, log, () => uplink?.forwarded ?? 0);
  // What of its disk is used is known from the start on, and not half a minute later.
  void guard.look();
  let uplink: Uplink | undefined;
  const stopping: (() => Promise<void> | void)[] = [() => guard.stop()];
  const { UPLINK_URL: url } = settings;
  let shown = `${settings.CELL}, alone`;
  if (url !== undefined) {
    // Loaded only where it is used.
    const { addressesOf } = await import('../runtime/nats/connection.ts');
    shown = `${settings.CELL}, uplink ${addressesOf(url).addresses.join(', ')}`;
    const { NatsCellLink } = await import('../runtime/nats/cell-link.ts');
    const { NatsCentralLog } = await import('../runtime/nats/central-log.ts');
    let connection: NatsLink | undefined;
    const link = new NatsCellLink(linkOptions(settings, url), (connected) => {
      connection = connected;
    });
    const central = { cell: settings.CELL, prefix: settings.NATS_STREAM_PREFIX, domain: settings.UPLINK_DOMAIN };
    const started = new Uplink({
      link,
      names: NAMES,
      memory: storage.uplinkMemory,
      centralLog: new NatsCentralLog({ ...central, link: () => connection }),
      runtime: node,
      log: storage.log,
      toldByCentre,
      kinds: SHOWN_KINDS,
      backfillBytesPerSecond: settings.UPLINK_BACKFILL_BYTES_PER_SECOND,
      own: () => ({ node: settings.NODE, disk: guard.report() }),
      logger: log,
    });
    uplink = started;
    describeUplink(metrics, () => started.state);
    await link.start();
    stopping.push(
      () => link.stop(),
      () => started.stop(),
    );
  }
  return {
    runtime: node,
    shown,
    forwarded: () => (url === undefined ? Number.POSITIVE_INFINITY : (uplink?.forwarded ?? 0)),
    edges: () => (uplink === undefined ? [] : [uplink.report()]),
    health: () => [...(uplink === undefined ? [] : [uplink.health()]), diskPart(guard)],
    stop: async () => {
      for (const stop of stopping.reverse()) await stop();
    },
  };
}

async function startCentre({ settings, plant, node, storage, metrics, log }: CellsOptions): Promise<Cells> {
  const { NatsCellLink } = await import('../runtime/nats/cell-link.ts');
  const link = new NatsCellLink(linkOptions(settings, settings.NATS_URL ?? ''));
  const listed = new Set(populationOf(plant).residents);
  const beside = cellsBeside(plant);
  const centre = new Centre({
    link,
    names: NAMES,
    cells: beside,
    runtime: node,
    unheard: (cell) => unheardViews(plant, cell),
    shown: { mirror: (id, view) => node.live.mirror(id, view), remove: (id) => node.live.unmirror([id]) },
    replicas: storage.replicas,
    commands: storage.keptCommands,
    committed: (entries) => node.announce(entries),
    cellOf: cellResolver(plant),
    isListed: (id) => listed.has(id),
    confirmationOf,
    ttlMs: commandTtlMs,
    images: imagesIn(storage.journal),
    logger: log,
  });
  describeCells(metrics, () => centre.cells());
  const groups = new Map(beside.map((cell) => [cell, groupsOfCell(plant, cell)]));
  node.live.reachCells((wanted) =>
    centre.unheard.filter((cell) => {
      const own = groups.get(cell);
      return wanted === undefined || wanted === 'all' || wanted.some((group) => own?.has(group));
    }),
  );
  await centre.start();
  await link.start();
  return {
    runtime: centre,
    elsewhere: (to, command, options) => centre.tell(to, command, options),
    forwarded: () => Number.POSITIVE_INFINITY,
    health: () => centre.parts(),
    edges: () => centre.reports(),
    stop: async () => {
      await centre.stop();
      await link.stop();
    },
  };
}

/** Of its sites; and that of work orders and rules, which may be of any. */
function groupsOfCell(plant: Plant, cell: string): ReadonlySet<Group> {
  const sites = [...plant.sites.values()].filter((site) => cellOf(site) === cell);
  return new Set([COMMON_GROUP, ...sites.map(({ id }) => id)]);
}

function linkOptions(settings: Settings, url: string) {
  const { CELL, NODE, NATS_STREAM_PREFIX } = settings;
  return {
    ...natsAccess(settings, url),
    cell: CELL,
    prefix: NATS_STREAM_PREFIX,
    name: `signalbox ${NODE} cells`,
  };
}

/** Beside the snapshots of entities: what a cell showed last. */
function imagesIn(journal: Pick<Journal, 'snapshot' | 'saveSnapshots'>): MirrorImages {
  const rowOf = (cell: string): EntityId => entityId('mirror', cell);
  return {
    load: async (cell) => {
      const stored = await journal.snapshot(rowOf(cell));
      // Written by `save` alone, by this version or an older one with the same shape.
      return stored && (unpack(stored.state) as MirrorImage);
    },
    save: async (cell, image) => {
      const { heardMs } = image;
      const state = pack(image);
      await journal.saveSnapshots([{ entity: rowOf(cell), seq: heardMs, logPosition: 0, timeMs: Date.now(), state }]);
    },
  };
}

function diskGuard(settings: Settings, node: Node, storage: Storage, log: Logger, forwarded: () => number): DiskGuard {
  const reports = new Reports(node);
  const folder = path.resolve(settings.DATA_DIR);
  return new DiskGuard({
    logger: log,
    use: async () => {
      const { bsize, blocks, bavail } = await statfs(folder);
      const filesBytes = (await sizeOfFolder(folder)) - (await sizeOfLog(storage.logFile));
      // Pages of the log and of the journal that are free are room for what comes, as is a write-ahead log that is written over.
      const freeBytes = (await storage.space?.freeBytes()) ?? 0;
      const usedBytes = filesBytes + (await storage.log.heldBytes()) - freeBytes;
      return {
        usedBytes,
        budgetBytes: settings.DISK_BUDGET_BYTES,
        diskBytes: bsize * blocks,
        diskFreeBytes: bsize * bavail,
      };
    },
    classes: [
      ...(storage.space === undefined ? [] : [deadLettersDroppable(storage.space)]),
      historyDroppable(node.historian),
      logDroppable(storage.log, () => node.covered, forwarded),
    ],
    overflowed: (overflow: Overflow) => {
      log.warn(overflow, 'the disk is nearly full: the oldest data was dropped');
      const { what, segments, bytes: bytesFreed, lost, oldestMs, newestMs } = overflow;
      const command = { kind: 'ReportOverflow', what, segments, bytesFreed, lost, oldestMs, newestMs } as const;
      void reports.tell(entityId('node', settings.NODE), command);
    },
  });
}

function diskPart(guard: DiskGuard): Health['parts'][number] {
  const { share, problem } = guard.state;
  const detail = `${Math.round(share * 100)} % of its budget is used`;
  if (problem !== undefined) return { name: 'disk', status: 'degraded', detail: `${detail}; ${problem}` };
  return { name: 'disk', status: share > 0.9 ? 'degraded' : 'healthy', detail };
}

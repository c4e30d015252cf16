import { z } from 'zod';
import type { EntityId } from '../ids.ts';
import type { Json } from '../json.ts';
import type { PendingView } from './pending-commands.ts';
import { type Behind, behindIn } from './uplink-words.ts';

/** What a full disk cost since the edge was started: the last time of each class of data, and what is lost in all. */
const Dropped = z.object({
  what: z.string(),
  atMs: z.number(),
  oldestMs: z.number().nullable(),
  newestMs: z.number().nullable(),
  lost: z.number(),
});
export type Dropped = z.infer<typeof Dropped>;

const DiskReport = z.object({
  /** Of the budget, or of the whole disk: the larger of both. */
  share: z.number(),
  usedBytes: z.number(),
  budgetBytes: z.number(),
  problem: z.string().nullable(),
  dropped: z.array(Dropped),
});
export type DiskReport = z.infer<typeof DiskReport>;

/** What an edge says of itself beside its views, as far as it is not of its lanes. */
const OwnStatus = z.object({
  node: z.string().nullable().catch(null),
  clockOffsetMs: z.number().nullable().catch(null),
  problem: z.string().nullable().catch(null),
  backfillBytesPerSecond: z.number().nullable().catch(null),
  backfillLimitBytesPerSecond: z.number().nullable().catch(null),
  disk: DiskReport.nullable().catch(null),
});

/** An edge and its link, as the centre sees it, or as the edge says it of itself. What nobody knows is null. */
export interface EdgeReport extends Behind {
  readonly cell: string;
  /** The node that speaks for it. */
  readonly node: string | null;
  readonly linked: boolean;
  /** Since when it is so; epoch ms. */
  readonly sinceMs: number | null;
  /** When it was last heard of, or, of the edge itself, the time; null: never. Figures are as of then. */
  readonly heardMs: number | null;
  /** Live values on their way to the centre, in ms. */
  readonly liveLagMs: number | null;
  readonly catchingUp: boolean;
  /** Of what was kept back by a cut: what was sent of it in the last ten seconds, and what may be. */
  readonly backfillBytesPerSecond: number | null;
  readonly backfillLimitBytesPerSecond: number | null;
  /** What has to be added to the clock of the edge to have that of the centre, in ms. */
  readonly clockOffsetMs: number | null;
  readonly disk: DiskReport | null;
  readonly problem: string | null;
  /** Commands that wait for the link or for their answer, the oldest first. */
  readonly commands: readonly (PendingView & { readonly to: EntityId })[];
}

type Told = Pick<EdgeReport, 'cell' | 'linked' | 'sinceMs' | 'heardMs' | 'liveLagMs' | 'problem' | 'commands'>;

/** @param status what the edge says of itself, maybe in another version; the times that it is behind are those of `behind` */
export function edgeReport(told: Told, status: Readonly<Record<string, Json>>, behind = behindIn(status)): EdgeReport {
  const own = OwnStatus.parse(status);
  const catchingUp = status.telemetry === 'catching_up' || status.journal === 'catching_up';
  return { ...own, ...told, ...behind, problem: told.problem ?? own.problem, catchingUp };
}

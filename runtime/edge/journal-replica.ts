import { z } from 'zod';
import { CommandId, EntityId } from '../ids.ts';
import type { JournalEntry } from '../journal.ts';
import type { Json } from '../json.ts';

/** How far the journal of a cell is copied. */
export interface ReplicaPlace {
  /** Of the cell's journal; 0: nothing of it is here. */
  readonly position: number;
  /** Which continuation of that history the newest row came from; null: nothing of it is here. */
  readonly identity: string | null;
}

export interface ReplicaRows {
  readonly cell: string;
  /** The rows follow this one in the journal of the cell. */
  readonly after: number;
  /** Of that journal, when they were read from it. */
  readonly identity: string;
  /** As the cell has them, in its order. */
  readonly entries: readonly JournalEntry[];
}

export type ReplicaTaken =
  | {
      readonly kind: 'taken';
      readonly place: ReplicaPlace /** As they stand here now. */;
      readonly entries: readonly JournalEntry[];
    }
  /** The copy does not end there: nothing was written. */
  | { readonly kind: 'elsewhere'; readonly place: ReplicaPlace };

/** Copies of the journals of other cells, in the journal of this one. Rows and place are written in one transaction. */
export interface JournalReplicas {
  place(cell: string): Promise<ReplicaPlace>;
  take(rows: ReplicaRows): Promise<ReplicaTaken>;
}

const JsonValue = z.custom<Json>((value) => value !== undefined);

/** A row on its way between cells. */
export const ReplicaEntry = z.object({
  position: z.int(),
  entity: EntityId,
  seq: z.int(),
  shard: z.int(),
  epoch: z.int(),
  commandId: CommandId.nullable(),
  kind: z.string(),
  event: JsonValue,
  timeMs: z.number(),
  by: z.object({
    user: z.string(),
    via: z.enum(['http', 'websocket', 'entity', 'timer', 'log', 'driver', 'cli']),
  }),
  logPosition: z.number(),
  before: JsonValue,
  after: JsonValue,
});

export const ReplicaRequest = z.object({
  after: z.int(),
  identity: z.string(),
  entries: z.array(ReplicaEntry).max(1024),
});
export const ReplicaAnswer = z.object({
  kind: z.enum(['taken', 'elsewhere']),
  position: z.int(),
  identity: z.string().nullable(),
});

import { z } from 'zod';
import type { JournalEntry, JournalQuery } from '../../runtime/journal.ts';
import type { Page } from './lists.ts';
import { wholeNumber } from './parameters.ts';
import type { Api } from './route.ts';

/** A journal row as the API shows it. */
export const JournalItem = z
  .object({
    position: z.int().describe('Order of the commit; token of the push'),
    entity: z.string(),
    seq: z.int(),
    kind: z.string(),
    timeMs: z.number(),
    user: z.string(),
    via: z.enum(['http', 'websocket', 'entity', 'timer', 'log', 'driver', 'cli']),
    commandId: z
      .string()
      .nullable()
      .describe('`caller:<user>:<key>` of what people and programs sent; null for what an actor decided by itself'),
    event: z.unknown(),
    before: z.unknown(),
    after: z.unknown(),
    cell: z.string().exactOptional().describe('The cell that decided it, where that is not this one'),
  })
  .meta({ id: 'JournalEntry' });

export const JournalListQuery = z.strictObject({
  limit: wholeNumber(1, 1000).default(100),
  cursor: z
    .string()
    .regex(/^\d{1,15}$/, 'not a cursor of this list')
    .optional(),
  user: z.string().max(120).optional().describe('Who did it'),
});

/** Rows looked through for one page at most; a filter that finds too little ends the page early, with a cursor. */
const MAX_SCANNED = 20_000;
const SCAN_PAGE = 1000;

/** Newest first. `keep` sorts out what the journal cannot by itself. */
export async function journalPage(
  api: Api,
  query: Omit<JournalQuery, 'limit' | 'before' | 'newestFirst'> & { cursor: string | undefined; limit: number },
  keep?: (entry: JournalEntry) => boolean,
): Promise<Page<z.infer<typeof JournalItem>>> {
  const { cursor, limit, ...filter } = query;
  const items: JournalEntry[] = [];
  let before = cursor === undefined ? undefined : Number(cursor);
  for (let scanned = 0; scanned < MAX_SCANNED; ) {
    // One more than wanted: whether there is a next page is known without another query.
    const wanted = keep === undefined ? limit + 1 - items.length : SCAN_PAGE;
    const rows = await api.runtime.journal.query({
      ...filter,
      ...(before !== undefined && { before }),
      newestFirst: true,
      limit: wanted,
    });
    scanned += rows.length;
    for (const row of rows) {
      if (keep !== undefined && !keep(row)) continue;
      if (items.length === limit) return pageOf(items, items.at(-1)?.position);
      items.push(row);
    }
    before = rows.at(-1)?.position;
    if (rows.length < wanted) return pageOf(items, undefined);
  }
  return pageOf(items, before);
}

function pageOf(entries: readonly JournalEntry[], next: number | undefined): Page<z.infer<typeof JournalItem>> {
  return { items: entries.map(itemOf), total: null, next: next === undefined ? null : String(next) };
}

function itemOf({
  by,
  shard: _shard,
  epoch: _epoch,
  logPosition: _log,
  ...row
}: JournalEntry): z.infer<typeof JournalItem> {
  return { ...row, user: by.user, via: by.via };
}

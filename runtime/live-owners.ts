import { z } from 'zod';
import { ErrorWithCode } from './errors.ts';
import type { EntityId } from './ids.ts';
import type { Link } from './link.ts';
import type { Group } from './live-bus.ts';
import type { NodeViews, OwnViews } from './live-cache.ts';
import { isEntityId, isView } from './live-frame.ts';

/** The name under which a node answers what it shows. */
export const LIVE_VIEWS = 'live-views';

/** A page ends with the view that goes beyond it. */
const PAGE_BYTES = 96 * 1024;
const PAGE_TIMEOUT_MS = 2000;
/** Somebody who pages without end is cut off: a million entities of the smallest size. */
const MAX_PAGES = 20_000;

const Question = z.object({
  /** Null: all of them. */
  groups: z.array(z.string()).nullable(),
  /** Last entity of the page before. */
  after: z.object({ group: z.string(), id: z.string() }).nullable(),
});

const Page = z.object({
  run: z.string(),
  numbers: z.array(z.tuple([z.string(), z.int().min(0)])),
  views: z.array(
    z.object({
      group: z.string(),
      id: z.custom<EntityId>(isEntityId),
      epoch: z.number(),
      revision: z.number(),
      view: z.custom<NodeViews['views'][number]['view']>(isView),
    }),
  ),
  after: Question.shape.after,
});
type Page = z.infer<typeof Page>;

/** Answers, page by page, what this node's own entities show. */
export function serveOwnViews(link: Pick<Link, 'serve'>, own: OwnViews): void {
  link.serve(LIVE_VIEWS, (body) => {
    const { groups, after } = Question.parse(body);
    return pageOf(own, groups === null ? own.groups() : [...groups].sort(), after);
  });
}

function pageOf(own: OwnViews, groups: readonly Group[], after: Page['after']): Page {
  // Taken with the first page and in the same turn: what is shown later may be newer than its number says, never older.
  const numbers: Page['numbers'] = after === null ? groups.map((group) => [group, own.numberOf(group)]) : [];
  const views: Page['views'] = [];
  let bytes = 0;
  for (const group of groups) {
    if (after !== null && group < after.group) continue;
    const from = after?.group === group && isEntityId(after.id) ? after.id : undefined;
    for (const owned of own.views(group, from)) {
      views.push({ group, ...owned });
      bytes += JSON.stringify(owned.view).length;
      if (bytes >= PAGE_BYTES) return { run: own.run, numbers, views, after: { group, id: owned.id } };
    }
  }
  return { run: own.run, numbers, views, after: null };
}

/**
 * What a node shows of some groups, or of all, read from itself. Rejects as `Link.request` does, and with LIVE_VIEWS_CHANGED where
 * the process was another one half-way.
 */
export async function readFromOwner(
  link: Pick<Link, 'request'>,
  node: string,
  groups: readonly Group[] | 'all',
): Promise<NodeViews> {
  const numbers = new Map<Group, number>();
  const views: NodeViews['views'][number][] = [];
  let run: string | undefined;
  let after: Page['after'] = null;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const question: z.infer<typeof Question> = { groups: groups === 'all' ? null : [...groups], after };
    const page: Page = Page.parse(await link.request(node, LIVE_VIEWS, question, PAGE_TIMEOUT_MS));
    run ??= page.run;
    if (page.run !== run) break;
    for (const [group, number] of page.numbers) numbers.set(group, number);
    views.push(...page.views);
    if (page.after === null) return { node, run, numbers, views };
    after = page.after;
  }
  throw new ErrorWithCode('LIVE_VIEWS_CHANGED', `${node} began anew while it said what it shows`);
}

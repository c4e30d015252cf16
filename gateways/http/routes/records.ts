import { z } from 'zod';
import { EntityId } from '../../../runtime/ids.ts';
import { JournalItem, JournalListQuery, journalPage } from '../journal-page.ts';
import { listOf } from '../lists.ts';
import { InstantText } from '../parameters.ts';
import { type Route, route } from '../route.ts';

const STREAMS = ['invalid_telemetry', 'invalid_events', 'messages', 'effects'] as const;

const Letter = z
  .object({
    id: z.int(),
    timeMs: z.number(),
    stream: z.enum(STREAMS),
    source: z.string(),
    code: z.string(),
    reason: z.string(),
    body: z.unknown(),
  })
  .meta({ id: 'DeadLetter' });

/** What was decided, and what was refused. */
export const RECORD_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/audit',
    tag: 'Records',
    summary: 'Everything that was decided: who, when, by which command, before and after',
    description: 'The journal itself, newest first.',
    permission: 'audit:read',
    query: JournalListQuery.extend({
      entity: EntityId.optional(),
      kind: z.string().max(400).optional().describe('Event kinds, separated by commas'),
      from: InstantText.optional(),
      to: InstantText.optional(),
    }),
    response: listOf(JournalItem),
    handle: ({ api, query: { entity, kind, from, to, user, limit, cursor } }) =>
      journalPage(api, {
        limit,
        cursor,
        ...(entity !== undefined && { entity }),
        ...(kind !== undefined && { kinds: kind.split(',') }),
        ...(user !== undefined && { user }),
        ...(from !== undefined && { fromMs: from }),
        ...(to !== undefined && { toMs: to }),
      }),
  }),
  route({
    method: 'GET',
    path: '/dead-letters',
    tag: 'Records',
    summary: 'What was refused: bad data, messages to nobody, effects that failed',
    permission: 'deadletter:read',
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(1000).default(100),
      cursor: z
        .string()
        .regex(/^\d{1,15}$/, 'not a cursor of this list')
        .optional(),
      stream: z.enum(STREAMS).optional(),
      source: z.string().max(200).optional(),
      code: z.string().max(100).optional(),
      from: InstantText.optional(),
      to: InstantText.optional(),
    }),
    response: listOf(Letter),
    handle: async ({ api, query: { limit, cursor, stream, source, code, from, to } }) => {
      const letters = await api.runtime.deadLetters.query({
        limit: limit + 1,
        ...(cursor !== undefined && { before: Number(cursor) }),
        ...(stream !== undefined && { stream }),
        ...(source !== undefined && { source }),
        ...(code !== undefined && { code }),
        ...(from !== undefined && { fromMs: from }),
        ...(to !== undefined && { toMs: to }),
      });
      const items = letters.slice(0, limit);
      return { items, total: null, next: letters.length > limit ? String(items.at(-1)?.id) : null };
    },
  }),
  route({
    method: 'GET',
    path: '/dead-letters/counts',
    tag: 'Records',
    summary: 'How many dead letters each stream keeps',
    permission: 'deadletter:read',
    response: listOf(z.object({ stream: z.string(), count: z.int() })),
    handle: async ({ api }) => {
      const counts = Object.entries(await api.runtime.deadLetters.counts());
      return { items: counts.map(([stream, count]) => ({ stream, count })), total: counts.length, next: null };
    },
  }),
];

import { z } from 'zod';
import { FieldLink, Status } from '../field-links.ts';
import { type Route, route } from '../route.ts';

export const SYSTEM_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/health',
    tag: 'System',
    summary: 'State of every part and every link to the field, with the reasons',
    description:
      'Degraded: something is not as it should be, and the rest works. Unhealthy: a part of the node fails, or no link to the field works. Beside it, outside /api/v1: `/health` (alive), `/ready` (serving) and `/metrics` (Prometheus).',
    permission: 'health:read',
    response: z.object({
      status: Status,
      reasons: z.array(z.string()).describe('Why it is not simply healthy, in words'),
      server: z
        .object({ status: Status, reasons: z.array(z.string()) })
        .describe('The node alone, without its links to the field'),
      parts: z.array(
        z.object({
          name: z.string(),
          status: z
            .enum([...Status.options, 'not_checked'])
            .describe('not_checked: nobody looks, it counts as neither'),
          detail: z.string(),
        }),
      ),
      links: z.array(FieldLink).describe('One per connection, with or without devices'),
      organization: z.string(),
      timeZone: z.string().describe('Of the organization, an IANA name'),
      simulated: z.boolean(),
      node: z.string(),
      version: z.string(),
      timeMs: z.number(),
      uptimeMs: z.number(),
    }),
    handle: ({ api }) => {
      const timeMs = api.now();
      return { ...api.health.read(timeMs), timeZone: 'UTC', ...api.plant, timeMs, uptimeMs: timeMs - api.startedAtMs };
    },
  }),
  route({
    method: 'GET',
    path: '/openapi.json',
    tag: 'System',
    summary: 'This description',
    permission: 'public',
    response: z.object({ openapi: z.literal('3.1.0') }).loose(),
    handle: ({ api }) => JSON.parse(api.document()),
  }),
];

import { z } from 'zod';
import { type Route, route } from '../route.ts';

const Status = z.enum(['healthy', 'degraded', 'unhealthy']);

export const SYSTEM_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/health',
    tag: 'System',
    summary: 'State of every part, with the reason',
    description: 'Beside it, outside /api/v1: `/health` (alive), `/ready` (serving) and `/metrics` (Prometheus).',
    permission: 'health:read',
    response: z.object({
      status: Status,
      parts: z.array(z.object({ name: z.string(), status: Status, detail: z.string() })),
      organization: z.string(),
      simulated: z.boolean(),
      node: z.string(),
      version: z.string(),
      timeMs: z.number(),
      uptimeMs: z.number(),
    }),
    handle: ({ api }) => {
      const timeMs = api.now();
      return { ...api.runtime.health(), ...api.plant, timeMs, uptimeMs: timeMs - api.startedAtMs };
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

import { z } from 'zod';
import { type Route, route } from '../route.ts';

const Instant = z.number().describe('Epoch milliseconds');
const Lag = z.number().nullable();

export const Edge = z
  .object({
    cell: z.string(),
    node: z.string().nullable().describe('The node that speaks for it'),
    linked: z.boolean(),
    sinceMs: Instant.nullable().describe('Since when it is so; null: it was never heard'),
    heardMs: Instant.nullable().describe('When it was last heard of: figures are as of then'),
    liveLagMs: Lag.describe('How long its newest live values were on their way'),
    telemetryLagMs: Lag.describe('Age of the oldest telemetry that the centre lacks'),
    journalLagMs: Lag.describe('Age of the oldest event that the centre lacks'),
    telemetryLeft: z.number().nullable().describe('Records that the centre lacks'),
    journalLeft: z.number().nullable().describe('Events that the centre lacks'),
    catchingUp: z.boolean(),
    backfillBytesPerSecond: z
      .number()
      .nullable()
      .describe('What was kept back by a cut and sent in the last ten seconds'),
    backfillLimitBytesPerSecond: z.number().nullable(),
    clockOffsetMs: z
      .number()
      .nullable()
      .describe('To be added to the clock of the edge to have that of the centre; milliseconds'),
    disk: z
      .object({
        share: z.number().describe('Used of the budget, or of the disk, whichever is more; 1 is all'),
        usedBytes: z.number().describe('By the edge itself'),
        budgetBytes: z.number(),
        problem: z.string().nullable(),
        dropped: z
          .array(
            z.object({
              what: z.string(),
              atMs: Instant.describe('The last time'),
              oldestMs: Instant.nullable(),
              newestMs: Instant.nullable(),
              lost: z.number().describe('Records that nobody else has'),
            }),
          )
          .describe('Since the start of the edge, by kind of data'),
      })
      .nullable(),
    problem: z.string().nullable(),
    commands: z
      .array(
        z.object({
          to: z.string(),
          commandId: z.string(),
          kind: z.string(),
          rule: z.string().nullable(),
          by: z.string(),
          sinceMs: Instant,
          expiresAtMs: Instant.describe('Given up then'),
          state: z.enum(['waiting', 'sent']),
        }),
      )
      .describe('That wait for the link or for their answer, the oldest first'),
  })
  .meta({ id: 'Edge' });
export type Edge = z.infer<typeof Edge>;

export const EDGE_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/edges',
    tag: 'System',
    summary: 'Edges and their links: what is behind, what waits, what was dropped',
    description:
      'At the centre all edges, as this node sees them. At an edge that one, as it sees itself. What nobody knows is null.',
    permission: 'health:read',
    response: z.object({ items: z.array(Edge) }),
    handle: ({ api }) => ({ items: [...api.edges()] }),
  }),
];

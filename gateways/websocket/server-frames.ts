import { z } from 'zod';
import type { ServerFrame } from './protocol.ts';

/**
 * What the server sends, as schemas: for the published wire format, and for tests that hold real frames to it. The compiler
 * holds both to `ServerFrame`.
 */
const seq = z.int().min(1).describe('Rises by one with every frame of the connection');
const sub = z.string().describe('Of which subscription');
const timeMs = z.number().describe('Clock of the server, epoch milliseconds');
const token = z.string().describe('Position in the event lane; give the last one as `resume`');

const status = z.enum(['healthy', 'degraded', 'unhealthy']);

const LinkTrouble = z.object({
  connection: z.string().describe('Its id in the topology file'),
  name: z.string(),
  driver: z.string().describe('In words: Modbus, OPC UA, MQTT'),
  state: z
    .enum(['lost', 'degraded', 'connecting'])
    .describe('lost: nothing comes over it; connecting: the first attempt is under way'),
  devices: z.int(),
  devicesOnline: z.int(),
  reason: z.string().describe('What went wrong, in words'),
});

const Loading = z.object({
  shards: z.int().describe('Parts of the plant that nobody has told of yet, as while they are being taken over'),
  of: z.int().describe('How many there are'),
  cells: z
    .array(z.string())
    .exactOptional()
    .describe('Edge cells of which not all has ever been heard: of them there may be more than the topology names'),
});

const Item = z
  .looseObject({
    id: z.string(),
    gone: z
      .literal(true)
      .exactOptional()
      .describe('It went away, or no longer matches the filter; then there is nothing else'),
  })
  .describe(
    'Groups of keyed fields; in a delta those that changed, null for one that went away, and all of them for an entity that came or began to match the filter',
  );

const Event = z.object({
  token,
  entity: z.string(),
  seq: z.int().describe('Number of the event within its entity'),
  kind: z.string(),
  timeMs,
  by: z.string(),
  event: z.unknown(),
  after: z.unknown().describe('Of alarm events: the alarm as it stands then'),
});

export const ServerFrames = z.union([
  z.object({
    seq,
    op: z.literal('hello'),
    version: z.string(),
    node: z.string(),
    organization: z.string(),
    timeZone: z.string().describe('Of the organization, an IANA name: for what is about several sites at once'),
    simulated: z.boolean(),
    user: z.string(),
    role: z.string(),
    permissions: z.array(z.string()),
    timeMs,
    heartbeatMs: z.number().describe('Two of these without a heartbeat and the client is blind'),
  }),
  z.object({
    seq,
    op: z.literal('snapshot'),
    sub,
    items: z.array(z.unknown()),
    timeMs,
    token: token.describe('Events up to this one are included'),
    more: z.boolean().describe('Further parts of this snapshot follow'),
    loading: Loading.exactOptional().describe(
      'There may be more than the snapshot has; what comes to light follows as deltas. Left out where it has everything',
    ),
  }),
  z.object({ seq, op: z.literal('delta'), sub, items: z.array(Item), timeMs }),
  z.object({ seq, op: z.literal('event'), sub, events: z.array(Event) }),
  z.object({
    seq,
    op: z.literal('reply'),
    id: z.string(),
    ok: z.literal(true),
    result: z.unknown(),
    repeated: z.boolean(),
  }),
  z.object({
    seq,
    op: z.literal('reply'),
    id: z.string(),
    ok: z.literal(false),
    code: z.string(),
    message: z.string(),
    field: z.string().exactOptional(),
  }),
  z.object({
    seq,
    op: z.literal('error'),
    code: z.string(),
    message: z.string(),
    field: z.string().exactOptional(),
    sub: z.string().exactOptional(),
  }),
  z.object({ seq, op: z.literal('pong'), id: z.string().exactOptional(), timeMs }),
  z.object({
    seq,
    op: z.literal('heartbeat'),
    timeMs,
    health: status.describe('Of the whole: the node and its links to the field'),
    notRecorded: z
      .boolean()
      .describe(
        'The journal cannot be written: values and alarms go on, with a mark on what is not on record yet, and commands are refused until it is back',
      ),
    reasons: z
      .array(z.string())
      .exactOptional()
      .describe('Why it is not simply healthy: parts of the node and links to the field, in words'),
    server: z
      .object({ status, reasons: z.array(z.string()) })
      .describe('The node alone: a lost cable leaves it as well as it was'),
    links: z
      .array(LinkTrouble)
      .exactOptional()
      .describe('Links to the field that are not healthy, the gravest first; left out when there are none'),
    moreLinks: z.int().exactOptional().describe('How many more of them there are'),
    loading: Loading.exactOptional().describe(
      'There may be more than what is shown at this node now; left out where that is everything',
    ),
  }),
]) satisfies z.ZodType<ServerFrame>;

import { z } from 'zod';

/**
 * The wire format of the push. Text frames of JSON. What a client may send is parsed by `ClientFrame`; what the server sends
 * is typed by `ServerFrame`, and published with both in the reference.
 */
const Sub = z.string().min(1).max(40).describe('Chosen by the client; names the subscription in later frames');

/** `connections` and `nodes`: the parts of the system itself, for the alarms that they have. */
export const Topic = z.enum(['sites', 'assets', 'devices', 'connections', 'nodes', 'workorders', 'alarms', 'events']);
export type Topic = z.infer<typeof Topic>;

/** `fields`: `group` or `group.key` (`props.health`, `values`, `values.temperature`); all when left out. */
export const Subscribe = z.strictObject({
  op: z.literal('subscribe'),
  sub: Sub,
  topic: Topic,
  filter: z
    .strictObject({
      ids: z.array(z.string().max(160)).max(10_000).optional().describe('names: pump-1'),
      site: z.string().max(64).optional(),
      severity: z.array(z.enum(['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO'])).optional(),
      kinds: z.array(z.string().max(60)).max(100).optional().describe('event kinds, for events'),
      entity: z.string().max(160).optional().describe('entity id, for events'),
    })
    .default({}),
  fields: z.array(z.string().max(130)).max(500).optional(),
  /** Alarms and events: the token of the last event that the client has; what came since follows the snapshot, every one. */
  resume: z.string().max(60).optional(),
});
export const Unsubscribe = z.strictObject({ op: z.literal('unsubscribe'), sub: Sub });
export const Command = z.strictObject({
  op: z.literal('command'),
  id: z
    .string()
    .min(1)
    .max(200)
    .describe(
      'The command id: sent again after a reconnect, it returns the first answer; another command with it is refused with COMMAND_ID_REUSED',
    ),
  entity: z.string().max(160),
  command: z.record(z.string(), z.unknown()),
});
export const Ping = z.strictObject({ op: z.literal('ping'), id: z.string().max(40).optional() });

export const ClientFrame = z.discriminatedUnion('op', [Subscribe, Unsubscribe, Command, Ping]);
export type ClientFrame = z.infer<typeof ClientFrame>;

/**
 * Groups of keyed fields of one entity; in a delta only those that changed, null for one that went away. A delta also brings
 * entities that came after the snapshot, or began to match the filter, with all of their fields. One that went away, or no
 * longer matches, is `{id, gone: true}`; to be ignored by who never had it.
 */
export interface Item {
  /** Name without the kind: `pump-1`. */
  readonly id: string;
  readonly gone?: true;
  readonly [group: string]: unknown;
}

/**
 * A committed event as the wall needs it. Topic `alarms` carries the events whose kind begins with `Alarm`; their `after` is the
 * `AlarmView` after the transition. Its snapshot items are `AlarmView`s; a delta item of topic `alarms` never comes.
 */
export interface WireEvent {
  readonly token: string;
  readonly entity: string;
  readonly seq: number;
  readonly kind: string;
  readonly timeMs: number;
  readonly by: string;
  readonly event: unknown;
  readonly after: unknown;
}

export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy';

/** A link to the field that is not healthy. */
export interface LinkTrouble {
  readonly connection: string;
  readonly name: string;
  /** In words: Modbus, OPC UA, MQTT. */
  readonly driver: string;
  /** lost: nothing comes over it. connecting: the first attempt is under way. */
  readonly state: 'lost' | 'degraded' | 'connecting';
  readonly devices: number;
  readonly devicesOnline: number;
  /** What went wrong, in words. */
  readonly reason: string;
}

/** How many parts of the plant nobody has told of yet, as while they are being taken over, and how many there are. */
export interface Loading {
  readonly shards: number;
  readonly of: number;
  /** Edge cells of which not all has ever been heard; left out where there is none. */
  readonly cells?: readonly string[];
}

/** Every frame carries `seq`, rising by one on the connection. */
export type ServerFrame = { readonly seq: number } & (
  | {
      readonly op: 'hello';
      readonly version: string;
      readonly node: string;
      readonly organization: string;
      /** Of the organization: for what is about several sites at once. */
      readonly timeZone: string;
      readonly simulated: boolean;
      readonly user: string;
      readonly role: string;
      readonly permissions: readonly string[];
      readonly timeMs: number;
      readonly heartbeatMs: number;
    }
  /**
   * `token`: position of the event lane that the snapshot includes. `more`: further parts of this snapshot follow. `loading`: there
   * may be more than it has; what comes to light follows as deltas.
   */
  | {
      readonly op: 'snapshot';
      readonly sub: string;
      readonly items: readonly unknown[];
      readonly timeMs: number;
      readonly token: string;
      readonly more: boolean;
      readonly loading?: Loading;
    }
  | { readonly op: 'delta'; readonly sub: string; readonly items: readonly Item[]; readonly timeMs: number }
  | { readonly op: 'event'; readonly sub: string; readonly events: readonly WireEvent[] }
  | {
      readonly op: 'reply';
      readonly id: string;
      readonly ok: true;
      readonly result: unknown;
      readonly repeated: boolean;
    }
  | {
      readonly op: 'reply';
      readonly id: string;
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly field?: string;
    }
  | {
      readonly op: 'error';
      readonly code: string;
      readonly message: string;
      readonly field?: string;
      readonly sub?: string;
    }
  | { readonly op: 'pong'; readonly id?: string; readonly timeMs: number }
  | {
      readonly op: 'heartbeat';
      readonly timeMs: number;
      readonly health: HealthStatus;
      readonly notRecorded: boolean;
      /** Why it is not simply healthy: parts of the node and links to the field, in words. */
      readonly reasons?: readonly string[];
      /** The node alone: a lost cable leaves it as well as it was. */
      readonly server: { readonly status: HealthStatus; readonly reasons: readonly string[] };
      /** Links to the field that are not healthy, the gravest first; left out when there are none. */
      readonly links?: readonly LinkTrouble[];
      /** How many more of them there are. */
      readonly moreLinks?: number;
      /** There may be more than what is shown at this node now; left out where that is everything. */
      readonly loading?: Loading;
    }
);

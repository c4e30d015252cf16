import { z } from 'zod';
import type { AlarmView, AssetView, DeviceView, SiteView } from '../../actors/views.ts';
import type { WorkOrderView } from '../../actors/work-order/views.ts';
import { When } from './rule-schemas.ts';

/**
 * The views of the actors as schemas, for the published API. Each is held to the type of its view by the compiler: a field
 * that an actor gains is missing here until it is described.
 */
const Instant = z.number().describe('Epoch milliseconds');
const Value = z.union([z.number(), z.string(), z.boolean(), z.null()]);
const Quality = z.enum(['GOOD', 'SUSPECT', 'UNCERTAIN', 'BAD']);
const Severity = z.enum(['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO']);
const Span = z.object({ min: z.number(), max: z.number() });
const Comment = z.object({ atMs: Instant, by: z.string(), text: z.string() });

/** Of a view whose node is silent: nobody knows how it is now. */
const Away = z
  .object({
    sinceMs: Instant,
    cell: z.string().exactOptional().describe('The link to this edge cell is what is lost'),
    neverHeard: z
      .literal(true)
      .exactOptional()
      .describe(
        'This cell has never told of it, and the node listens since then: what is shown is what the topology says',
      ),
  })
  .describe('The node that owns it is silent since then: what is shown is what was then')
  .exactOptional();

const Pending = z
  .record(
    z.string(),
    z.object({
      commandId: z.string(),
      kind: z.string(),
      rule: z.string().nullable().describe('That it is about, as of an alarm that is acknowledged; null: of none'),
      by: z.string(),
      sinceMs: Instant,
      expiresAtMs: Instant.describe('From then on it is not sent any more'),
      state: z.enum(['waiting', 'sent']),
    }),
  )
  .describe('Commands on their way to the edge cell that it lives in, by their ids')
  .exactOptional();

/** Of a view that is ahead of the journal. */
const NotRecorded = z
  .object({ sinceMs: Instant })
  .describe('The journal is away since then: it goes on, and not all that is shown here is on record yet')
  .exactOptional();

const Mark = z.object({
  quality: Quality,
  reason: z.string(),
  sinceMs: Instant,
  lastGood: z.object({ value: Value, timeMs: Instant }).exactOptional(),
  inputs: z
    .object({ used: z.int(), of: z.int() })
    .exactOptional()
    .describe('Of a figure over several assets that lacks some: how many of how many it is of'),
});

export const Alarm = z
  .object({
    id: z.string().describe('`<entity>:<rule>`, as `asset/pump-1:hot`'),
    entity: z.string(),
    rule: z.string(),
    site: z.string(),
    name: z.string(),
    message: z.string(),
    response: z.string().nullable().describe('What the operator is to do'),
    metric: z.string().nullable(),
    severity: Severity,
    state: z.enum(['ACTIVE', 'ACKNOWLEDGED', 'CLEARED', 'SUPPRESSED']),
    detail: z.enum(['NORMAL', 'ACTIVE_UNACK', 'ACTIVE_ACK', 'RTN_UNACK', 'LATCHED_UNACK', 'LATCHED_ACK']),
    latched: z.boolean(),
    shelved: z.object({ untilMs: Instant, by: z.string(), reason: z.string(), atMs: Instant }).nullable(),
    suppressed: z
      .object({
        cause: z.string(),
        by: z.string().nullable().describe('Id of the alarm that is called out instead, where one is known'),
        sinceMs: Instant,
      })
      .nullable(),
    outOfService: z
      .object({ by: z.string(), reason: z.string(), workOrder: z.string().nullable(), sinceMs: Instant })
      .nullable(),
    cannotEvaluate: z.object({ reason: z.string(), sinceMs: Instant }).nullable(),
    value: Value,
    quality: Quality.nullable().exactOptional().describe('Of the value that raised it'),
    threshold: Value,
    unit: z.string(),
    raisedAtMs: Instant.nullable(),
    clearedAtMs: Instant.nullable(),
    acknowledgedAtMs: Instant.nullable(),
    acknowledgedBy: z.string().nullable(),
    firstRaisedAtMs: Instant.nullable(),
    occurrences: z.int(),
    comments: z.array(Comment),
    workOrder: z.string().nullable().describe('Number of the open work order'),
    notRecorded: z
      .boolean()
      .exactOptional()
      .describe('The journal is away: what is said here is not on record yet, and commands are refused until it is'),
  })
  .meta({ id: 'Alarm' }) satisfies z.ZodType<AlarmView>;

const UnrecordedAlarms = z
  .record(z.string(), Alarm)
  .describe('Those of `alarms` that are not on record as they stand, while the journal is away')
  .exactOptional();

const SiteProps = z.object({
  name: z.string(),
  timeZone: z.string(),
  latitude: z.number().nullable(),
  longitude: z.number().nullable(),
  simulated: z.boolean(),
  healthWorst: z.number().nullable(),
  health: z.number().nullable(),
  assets: z.int(),
  assetsAbnormal: z.int(),
  devices: z.int(),
  devicesOnline: z.int(),
  devicesOffline: z.int(),
  devicesUnknown: z.int(),
  openWorkOrders: z.int(),
  alarmsUnacknowledged: z.int(),
  alarmsActive: z.int(),
  alarmsShelved: z.int(),
  alarmsCritical: z.int(),
  alarmsHigh: z.int(),
  alarmsMedium: z.int(),
  alarmsLow: z.int(),
});
const SiteGroups = z.object({
  away: Away,
  notRecorded: NotRecorded,
  pending: Pending,
  props: SiteProps,
  values: z.record(z.string(), z.number().nullable()),
  marks: z.record(z.string(), Mark).describe('Beside a key figure that is not simply good, by the same key'),
  figures: z.record(
    z.string(),
    z.object({ title: z.string(), unit: z.string(), decimals: z.int(), function: z.string() }),
  ),
}) satisfies z.ZodType<SiteView>;

const MetricInfo = z.object({
  title: z.string(),
  unit: z.string(),
  decimals: z.int(),
  range: Span.nullable(),
  normal: Span.nullable(),
  formula: z.string().nullable(),
  key: z.boolean(),
  sourceDevices: z.array(z.string()),
  limits: z.array(
    z.object({
      rule: z.string(),
      severity: Severity,
      above: z.number().exactOptional(),
      below: z.number().exactOptional(),
    }),
  ),
});
const RuleInfo = z.object({
  name: z.string(),
  source: z.enum(['file', 'api']),
  profile: z.string().nullable().describe('Of the API: every asset of this profile has it'),
  metric: z.string().nullable(),
  when: When,
  durationSeconds: z.number(),
  severity: Severity,
  workOrder: z.string().nullable().describe('Template of the order that it opens'),
  idle: z.enum(['inactive', 'no_metric']).nullable().describe('Why it is not evaluated; null: it is'),
});
const Window = z.object({
  startMs: Instant,
  endMs: Instant,
  count: z.int(),
  min: z.number(),
  max: z.number(),
  avg: z.number(),
  sum: z.number(),
  stddev: z.number(),
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
  good: z.int(),
  suspect: z.int(),
  uncertain: z.int(),
  bad: z.int(),
  pctGood: z.number(),
});
const Percent = z.number().min(0).max(100).nullable();
const AssetProps = z.object({
  name: z.string(),
  site: z.string(),
  parent: z.string().nullable(),
  path: z.array(z.string()),
  type: z.string().nullable(),
  icon: z.string().nullable(),
  lifecycle: z.string(),
  latitude: z.number().nullable(),
  longitude: z.number().nullable(),
  status: z.enum(['operational', 'maintenance', 'damaged', 'retired']),
  health: Percent,
  healthLevel: z
    .enum(['critical', 'warning', 'fair', 'good'])
    .nullable()
    .exactOptional()
    .describe('Where the score lies between the thresholds of the profile'),
  healthBreakdown: z.object({
    alarms: Percent,
    workOrders: Percent,
    telemetry: Percent,
    age: Percent,
    maintenance: Percent,
  }),
  devices: z.array(z.string()),
  children: z.array(z.string()),
  connected: z.boolean().nullable(),
  lastReadingMs: Instant.nullable(),
  alarmsUnacknowledged: z.int(),
  alarmsActive: z.int(),
  worstSeverity: Severity.nullable(),
  openWorkOrders: z.int(),
  historyDropped: z
    .int()
    .exactOptional()
    .describe('Computed values that the history lacks since the asset came up: there were too many at once'),
});
const AssetGroups = z.object({
  away: Away,
  notRecorded: NotRecorded,
  pending: Pending,
  props: AssetProps,
  values: z.record(z.string(), Value),
  times: z.record(z.string(), Instant).describe('By the source'),
  received: z.record(z.string(), Instant).describe('At which our node received the value, by the same keys'),
  marks: z.record(z.string(), Mark),
  metrics: z.record(z.string(), MetricInfo),
  rules: z.record(z.string(), RuleInfo).describe('What is judged here, by id'),
  alarms: z.record(z.string(), Alarm),
  unrecordedAlarms: UnrecordedAlarms,
  windows: z.record(z.string(), Window),
}) satisfies z.ZodType<AssetView>;

const Write = z.object({
  point: z.string(),
  value: Value,
  by: z.string(),
  state: z.enum(['requested', 'sent', 'acknowledged', 'verified', 'failed', 'timed_out']),
  code: z.string().nullable(),
  message: z.string().nullable(),
  requestedAtMs: Instant,
  finishedAtMs: Instant.nullable(),
});
const DeviceProps = z.object({
  name: z.string(),
  site: z.string(),
  connection: z.string(),
  driver: z.string(),
  serialNumber: z.string().nullable(),
  latitude: z.number().nullable(),
  longitude: z.number().nullable(),
  decommissioned: z.boolean(),
  connectivity: z.enum(['online', 'offline', 'unknown']),
  connectivityReason: z.string(),
  connectivityDetail: z.string().nullable(),
  lastConnectivityChangeMs: Instant.nullable(),
  lastSeenMs: Instant.nullable(),
  linkedAssets: z.array(z.string()),
  clockSkewMs: z.number().nullable(),
  rejected: z.int(),
  gaps: z.int(),
  frames: z.int(),
});
const DeviceGroups = z.object({
  away: Away,
  notRecorded: NotRecorded,
  pending: Pending,
  props: DeviceProps,
  values: z.record(z.string(), Value),
  times: z.record(z.string(), Instant).describe('By the source'),
  received: z.record(z.string(), Instant).describe('At which our node received the value, by the same keys'),
  marks: z.record(z.string(), Mark),
  points: z.record(
    z.string(),
    z.object({
      title: z.string(),
      unit: z.string(),
      decimals: z.int(),
      writable: z.boolean(),
      min: z.number().nullable(),
      max: z.number().nullable(),
    }),
  ),
  alarms: z.record(z.string(), Alarm),
  unrecordedAlarms: UnrecordedAlarms,
  link: z.record(z.string(), z.unknown()),
  writes: z.record(z.string(), Write),
}) satisfies z.ZodType<DeviceView>;

const WorkOrderProps = z.object({
  number: z.string(),
  title: z.string(),
  description: z.string(),
  type: z.enum(['preventive', 'corrective', 'predictive', 'emergency']),
  priority: z.enum(['low', 'medium', 'high', 'critical']),
  state: z.enum(['draft', 'open', 'scheduled', 'in_progress', 'on_hold', 'completed', 'closed', 'cancelled']),
  transitions: z.array(z.string()),
  asset: z.string(),
  site: z.string(),
  rule: z.string().nullable(),
  template: z.string().nullable(),
  assignedTo: z.string().nullable(),
  assignedRole: z.string().nullable(),
  scheduledForMs: Instant.nullable(),
  dueAtMs: Instant.nullable(),
  overdue: z.boolean(),
  holdReason: z.enum(['awaiting_parts', 'plant_condition', 'access', 'permit', 'weather', 'other']).nullable(),
  holdNote: z.string().nullable(),
  createdAtMs: Instant,
  createdBy: z.string(),
  startedAtMs: Instant.nullable(),
  completedAtMs: Instant.nullable(),
  completedBy: z.string().nullable(),
  closedAtMs: Instant.nullable(),
  closedBy: z.string().nullable(),
  cancelReason: z.string().nullable(),
  reopened: z.int(),
  occurrences: z.int(),
  needsVerification: z.boolean(),
  needsApproval: z.boolean(),
});
const ChecklistItem = z.object({
  item: z.string(),
  required: z.boolean(),
  kind: z.enum(['check', 'number', 'text']),
  unit: z.string().nullable(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  state: z.enum(['open', 'done', 'skipped']),
  value: Value,
  by: z.string().nullable(),
  atMs: Instant.nullable(),
  reason: z.string().nullable(),
});
const Transition = z.object({
  atMs: Instant,
  by: z.string(),
  transition: z.string(),
  from: z.string(),
  to: z.string(),
  note: z.string().nullable(),
});
const WorkOrderGroups = z.object({
  away: Away,
  notRecorded: NotRecorded,
  pending: Pending,
  props: WorkOrderProps,
  checklist: z.record(z.string(), ChecklistItem),
  comments: z.record(z.string(), Comment),
  history: z.record(z.string(), Transition),
}) satisfies z.ZodType<WorkOrderView>;

const id = z.string().describe('Name without the kind: `pump-1`');

export const SiteItem = SiteGroups.extend({ id }).meta({ id: 'Site' });
export const AssetItem = AssetGroups.extend({ id }).meta({ id: 'Asset' });
export const DeviceItem = DeviceGroups.extend({ id }).meta({ id: 'Device' });
export const WorkOrderItem = WorkOrderGroups.extend({ id }).meta({ id: 'WorkOrder' });

/** With `fields`: what was not asked for is missing. */
export const SiteListItem = SiteGroups.extend({ props: SiteProps.partial() })
  .partial()
  .extend({ id })
  .meta({ id: 'SiteFields' });
export const AssetListItem = AssetGroups.extend({ props: AssetProps.partial() })
  .partial()
  .extend({ id })
  .meta({ id: 'AssetFields' });
export const DeviceListItem = DeviceGroups.extend({ props: DeviceProps.partial() })
  .partial()
  .extend({ id })
  .meta({ id: 'DeviceFields' });
export const WorkOrderListItem = WorkOrderGroups.extend({ props: WorkOrderProps.partial() })
  .partial()
  .extend({ id })
  .meta({ id: 'WorkOrderFields' });
export const AlarmListItem = Alarm.partial().extend({ id: Alarm.shape.id }).meta({ id: 'AlarmFields' });

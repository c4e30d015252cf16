import { z } from 'zod';
import { Asset, AssetProfile } from './asset.ts';
import { Name, Place, Title } from './base.ts';
import { Connection, Device, DeviceProfile } from './device.ts';
import { WorkOrderTemplate } from './work-order-template.ts';

export const Site = z.strictObject({
  id: Name,
  name: Title,
  /** IANA name; times of the site are shown in it. */
  timeZone: z.string().max(60),
  place: Place.optional(),
  cell: Name.optional().describe('Where its entities live; core when left out'),
  description: z.string().max(500).optional(),
  /** Key figures of the overview: metrics summed or averaged over the assets of the site. */
  keyFigures: z
    .array(
      z.strictObject({
        title: Title,
        metric: z.string(),
        function: z.enum(['sum', 'avg', 'min', 'max']),
        unit: z.string().max(16).default(''),
        decimals: z.int().min(0).max(9).default(1),
      }),
    )
    .max(6)
    .default([]),
});
export type Site = z.infer<typeof Site>;

/** The whole file. One organization. */
export const Topology = z.strictObject({
  $schema: z.string().optional(),
  signalbox: z.literal(1).describe('Version of this format'),
  organization: z.strictObject({ id: Name, name: Title, timeZone: z.string().max(60).default('UTC') }),
  /** Shown on the wall at all times: these values come from no real plant. */
  simulated: z.boolean().default(false),
  sites: z.array(Site).min(1).max(1000),
  assetProfiles: z.array(AssetProfile).max(1000).default([]),
  assets: z.array(Asset).max(100_000).default([]),
  deviceProfiles: z.array(DeviceProfile).max(1000).default([]),
  connections: z.array(Connection).max(10_000).default([]),
  devices: z.array(Device).max(100_000).default([]),
  workOrderTemplates: z.array(WorkOrderTemplate).max(1000).default([]),
  /** Role -> permissions `resource:verb`, `*` for all; added to the shipped roles or in place of them. */
  roles: z.record(Name, z.array(z.string().regex(/^(\*|[a-z-]+:(\*|[a-z-]+))$/, 'resource:verb'))).default({}),
  retention: z
    .strictObject({
      telemetryDays: z.int().min(1).default(90),
      logHours: z.int().min(1).default(24),
      deadLetterDays: z.int().min(1).default(30),
    })
    .default({ telemetryDays: 90, logHours: 24, deadLetterDays: 30 }),
});
export type Topology = z.infer<typeof Topology>;

import { z } from 'zod';
import { Asset, AssetProfile } from './asset.ts';
import { CellName, Name, Place, Title } from './base.ts';
import { Connection, Device, DeviceProfile } from './device.ts';
import { WorkOrderTemplate } from './work-order-template.ts';

export const Site = z.strictObject({
  id: Name.describe('Unique in the file; part of the entity id `site/<id>`'),
  name: Title.describe('Shown to people'),
  timeZone: z.string().max(60).describe('IANA name; times of the site are shown in it'),
  place: Place.optional().describe('Where it is on the map'),
  cell: CellName.optional().describe(
    'Where its entities live: `edge-7` runs on the node that is started with `--cell edge-7`, and goes on without the centre; core when left out',
  ),
  description: z.string().max(500).optional().describe('For people'),
  keyFigures: z
    .array(
      z.strictObject({
        title: Title.describe('Shown to people'),
        metric: z.string().describe('Name of the metric; every asset of the site that has it takes part'),
        function: z.enum(['sum', 'avg', 'min', 'max']).describe('How their values become one'),
        unit: z.string().max(16).default('').describe('Unit of the metric'),
        decimals: z.int().min(0).max(9).default(1).describe('Digits after the point'),
      }),
    )
    .max(6)
    .default([])
    .describe('Key figures of the overview: metrics summed or averaged over the assets of the site'),
});
export type Site = z.infer<typeof Site>;

/** The whole file. One organization. */
export const Topology = z.strictObject({
  $schema: z.string().optional().describe('For editors'),
  signalbox: z.literal(1).describe('Version of this format'),
  organization: z
    .strictObject({
      id: Name.describe('Part of topics and records'),
      name: Title.describe('Shown to people'),
      timeZone: z.string().max(60).default('UTC').describe('IANA name'),
    })
    .describe('Whom the plant belongs to'),
  simulated: z
    .boolean()
    .default(false)
    .describe('Shown on the wall at all times: these values come from no real plant'),
  sites: z.array(Site).min(1).max(1000).describe('Places'),
  assetProfiles: z.array(AssetProfile).max(1000).default([]).describe('What assets of a kind have in common'),
  assets: z.array(Asset).max(100_000).default([]).describe('What is operated and maintained'),
  deviceProfiles: z.array(DeviceProfile).max(1000).default([]).describe('What devices of a kind have in common'),
  connections: z
    .array(Connection)
    .max(10_000)
    .default([])
    .describe(
      'Links to the field: a socket, a serial bus, a session with a server, a broker. `${env:NAME}` and `${env:NAME:-default}` stand for environment variables here',
    ),
  devices: z.array(Device).max(100_000).default([]).describe('What measures'),
  workOrderTemplates: z.array(WorkOrderTemplate).max(1000).default([]).describe('Work orders that rules open'),
  roles: z
    .record(Name, z.array(z.string().regex(/^(\*|[a-z-]+:(\*|[a-z-]+))$/, 'resource:verb')))
    .default({})
    .describe('Role -> permissions `resource:verb`, `*` for all; added to the shipped roles or in place of them'),
  retention: z
    .strictObject({
      telemetryDays: z.int().min(1).default(90).describe('History of readings, in days'),
      logHours: z.int().min(1).default(24).describe('Telemetry log, in hours'),
      deadLetterDays: z.int().min(1).default(30).describe('Refused data, in days'),
    })
    .default({ telemetryDays: 90, logHours: 24, deadLetterDays: 30 })
    .describe('How long data is kept'),
});
export type Topology = z.infer<typeof Topology>;

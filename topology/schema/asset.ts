import { z } from 'zod';
import { Identifier, Instant, Name, Place, Range, Scale, Title, Unit } from './base.ts';
import { Rule } from './rule.ts';

/** AGG-01: the sizes that windows may have, and how long each is. */
export const WINDOW_MS = { '1s': 1000, '10s': 10_000, '1m': 60_000, '5m': 300_000, '15m': 900_000, '1h': 3_600_000 };

export const Metric = z.strictObject({
  name: Identifier.describe('Name in formulas, rules and links'),
  title: Title.optional().describe('Shown to people; default: the name'),
  unit: Unit.default('').describe('As shown beside the value: °C, bar, m³/h, %. Empty for a pure number'),
  decimals: z.int().min(0).max(9).default(1).describe('Digits after the point'),
  range: Range.optional().describe('What the trend spans; a rule whose limit lies outside is refused'),
  normal: Range.optional().describe('Drawn as the normal range on the wall'),
  formula: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('Computed from other metrics of the asset: `voltage * current / 1000`'),
  rollUp: z
    .strictObject({
      of: Identifier.describe('Metric of the children'),
      function: z.enum(['sum', 'avg', 'min', 'max', 'count']).describe('How their values become one'),
    })
    .optional()
    .describe('Computed from one metric of all children, for instance the sum of their power'),
  staleAfterMs: z
    .int()
    .min(500)
    .max(86_400_000)
    .optional()
    .describe('Older than this and the value is shown as stale, in ms. Default: as its point'),
  windows: z
    .array(z.enum(['1s', '10s', '1m', '5m', '15m', '1h']))
    .min(1)
    .optional()
    .describe('Sizes of the windows that are kept live; history is summed up in all of them. Default: 1s, 1m, 1h'),
  key: z.boolean().default(false).describe('Shown on the card of the asset in the overview'),
});
export type Metric = z.infer<typeof Metric>;

/** LNK-01. Says which points of a device are which metrics of an asset, and from when to when. */
export const Link = z.strictObject({
  device: Name.describe('Id of the device'),
  port: z.string().max(40).optional().describe('Of a remote terminal unit with several ports'),
  role: z
    .enum(['primary', 'backup', 'secondary'])
    .default('primary')
    .describe('primary feeds the metric; backup stands in when the primary is lost, secondary when both are'),
  validFrom: Instant.optional().describe('Holds from this instant on, ISO 8601 with offset'),
  validUntil: Instant.optional().describe('Holds until this instant, not included'),
  metrics: z
    .record(
      Identifier,
      z.union([
        Identifier,
        z.strictObject({
          point: Identifier.describe('Name of the point of the device'),
          scale: Scale.describe('Metric = point × scale + offset'),
          offset: z.number().default(0).describe('Added after scaling'),
        }),
      ]),
    )
    .optional()
    .describe(
      'Metric -> point, or an object when the unit has to be converted. Left out: all points whose name is a metric',
    ),
});
export type Link = z.infer<typeof Link>;

export const HealthThresholds = z
  .strictObject({
    critical: z.number().min(0).max(100).default(30).describe('A health score below is critical, %'),
    warning: z.number().min(0).max(100).default(60).describe('A health score below is a warning, %'),
    good: z.number().min(0).max(100).default(80).describe('A health score from here on is good, %'),
  })
  .refine(
    ({ critical, warning, good }) => critical <= warning && warning <= good,
    'critical, warning and good must rise',
  )
  .default({ critical: 30, warning: 60, good: 80 });

export const AssetProfile = z.strictObject({
  id: Name.describe('Named by the assets that use it'),
  title: Title.optional().describe('Shown to people'),
  type: z.string().max(60).optional().describe('Kind of asset: pump, turbine'),
  icon: z.string().max(40).optional().describe('Name of the symbol on the wall'),
  metrics: z.array(Metric).max(500).default([]).describe('An asset may add metrics; one of the same name replaces it'),
  rules: z.array(Rule).max(500).default([]).describe('An asset may add rules; one of the same id replaces it'),
  healthThresholds: HealthThresholds.describe('Where the health score changes colour'),
  attributes: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe('Default facts of such assets: rated power, manufacturer'),
});
export type AssetProfile = z.infer<typeof AssetProfile>;

/** Children may also be listed elsewhere and name their `parent`. Five levels at most, the site not counted. */
export interface Asset {
  id: string;
  name: string;
  code?: string | undefined;
  site?: string | undefined;
  parent?: string | undefined;
  profile?: string | undefined;
  type?: string | undefined;
  description?: string | undefined;
  place?: Place | undefined;
  tags: string[];
  attributes: Record<string, string | number | boolean>;
  lifecycle: 'planned' | 'commissioning' | 'in_service' | 'retired';
  metrics: Metric[];
  rules: Rule[];
  links: Link[];
  children: Asset[];
}
export const Asset: z.ZodType<Asset> = z.strictObject({
  id: Name.describe('Unique in the file; part of the entity id `asset/<id>`'),
  name: Title.describe('Shown to people'),
  code: z.string().max(40).optional().describe('Short code of the plant documentation'),
  site: Name.optional().describe('Id of the site. Left out where there is a parent'),
  parent: Name.optional().describe('Id of the asset it belongs to, when it is not listed among its children'),
  profile: Name.optional().describe('Id of the asset profile that it takes metrics, rules and attributes from'),
  type: z.string().max(60).optional().describe('Kind of asset; default: of the profile'),
  description: z.string().max(500).optional().describe('For people'),
  place: Place.optional().describe('Where it stands on the map'),
  tags: z.array(z.string().max(40)).max(50).default([]).describe('For filters'),
  attributes: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe('Facts: serial number, rated power; added to those of the profile'),
  lifecycle: z
    .enum(['planned', 'commissioning', 'in_service', 'retired'])
    .default('in_service')
    .describe('Only what is in service is expected to have data'),
  metrics: z
    .array(Metric)
    .max(500)
    .default([])
    .describe('Metrics beside those of the profile; one of the same name replaces it'),
  rules: z
    .array(Rule)
    .max(500)
    .default([])
    .describe('Rules beside those of the profile; one of the same id replaces it'),
  links: z.array(Link).max(200).default([]).describe('Devices that feed its metrics'),
  get children() {
    return z.array(Asset).max(1000).default([]).describe('Assets that belong to this one; five levels at most');
  },
}) as unknown as z.ZodType<Asset>;

import { z } from 'zod';
import { Identifier, Instant, Name, Place, Range, Title, Unit } from './base.ts';
import { Rule } from './rule.ts';

export const Metric = z.strictObject({
  name: Identifier,
  title: Title.optional(),
  unit: Unit.default(''),
  decimals: z.int().min(0).max(9).default(1),
  /** What the trend's axis spans. */
  range: Range.optional(),
  /** Drawn as the normal range on the wall. */
  normal: Range.optional(),
  /** Computed from other metrics of the asset: `voltage * current / 1000`. */
  formula: z.string().min(1).max(500).optional(),
  /** AGG-06: computed from a metric of the children. */
  rollUp: z.strictObject({ of: Identifier, function: z.enum(['sum', 'avg', 'min', 'max', 'count']) }).optional(),
  staleAfterMs: z.int().min(500).max(86_400_000).optional(),
  /** Shown on the card of the asset in the overview. */
  key: z.boolean().default(false),
});
export type Metric = z.infer<typeof Metric>;

/** LNK-01. Says which points of a device are which metrics of an asset, and from when to when. */
export const Link = z.strictObject({
  device: Name,
  port: z.string().max(40).optional().describe('Of a remote terminal unit with several ports'),
  role: z.enum(['primary', 'backup', 'secondary']).default('primary'),
  validFrom: Instant.optional(),
  validUntil: Instant.optional(),
  /** metric -> point, or an object when the unit has to be converted. Left out: all points whose name is a metric. */
  metrics: z
    .record(
      Identifier,
      z.union([
        Identifier,
        z.strictObject({ point: Identifier, scale: z.number().default(1), offset: z.number().default(0) }),
      ]),
    )
    .optional(),
});
export type Link = z.infer<typeof Link>;

export const HealthThresholds = z
  .strictObject({
    critical: z.number().min(0).max(100).default(30),
    warning: z.number().min(0).max(100).default(60),
    good: z.number().min(0).max(100).default(80),
  })
  .default({ critical: 30, warning: 60, good: 80 });

export const AssetProfile = z.strictObject({
  id: Name,
  title: Title.optional(),
  type: z.string().max(60).optional(),
  icon: z.string().max(40).optional(),
  metrics: z.array(Metric).max(500).default([]),
  rules: z.array(Rule).max(500).default([]),
  healthThresholds: HealthThresholds,
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
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
  id: Name,
  name: Title,
  code: z.string().max(40).optional(),
  site: Name.optional(),
  parent: Name.optional(),
  profile: Name.optional(),
  type: z.string().max(60).optional(),
  description: z.string().max(500).optional(),
  place: Place.optional(),
  tags: z.array(z.string().max(40)).max(50).default([]),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  lifecycle: z.enum(['planned', 'commissioning', 'in_service', 'retired']).default('in_service'),
  metrics: z.array(Metric).max(500).default([]),
  rules: z.array(Rule).max(500).default([]),
  links: z.array(Link).max(200).default([]),
  get children() {
    return z.array(Asset).max(1000).default([]);
  },
}) as unknown as z.ZodType<Asset>;

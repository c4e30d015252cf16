import { z } from 'zod';
import { Severity } from '../../topology/schema/base.ts';
import type { AlarmBook } from './book.ts';
import type { RuleTimers } from './evaluate.ts';
import type { AlarmRecord } from './machine.ts';

/** What snapshots keep of values, marks, alarms and timers. */
export const StoredValue = z.union([z.number(), z.string(), z.boolean(), z.null()]);

export const StoredMark = z.object({
  quality: z.enum(['GOOD', 'SUSPECT', 'UNCERTAIN', 'BAD']),
  reason: z.string(),
  sinceMs: z.number(),
  lastGood: z.object({ value: StoredValue, timeMs: z.number() }).exactOptional(),
});

const Instant = z.number().nullable();

export const StoredAlarm: z.ZodType<AlarmRecord> = z.object({
  rule: z.string(),
  detail: z.enum(['NORMAL', 'ACTIVE_UNACK', 'ACTIVE_ACK', 'RTN_UNACK', 'LATCHED_UNACK', 'LATCHED_ACK']),
  standing: z.boolean(),
  annunciated: z.boolean(),
  occurrence: z
    .object({
      name: z.string(),
      metric: z.string().nullable(),
      severity: Severity,
      value: StoredValue,
      quality: z.enum(['GOOD', 'SUSPECT', 'UNCERTAIN', 'BAD']).exactOptional(),
      threshold: StoredValue,
      unit: z.string(),
      message: z.string(),
    })
    .nullable(),
  latched: z.boolean(),
  autoAckOnClear: z.boolean(),
  shelved: z.object({ untilMs: z.number(), by: z.string(), reason: z.string(), atMs: z.number() }).nullable(),
  suppressed: z.object({ cause: z.string(), by: z.string().nullable().default(null), sinceMs: z.number() }).nullable(),
  outOfService: z
    .object({ by: z.string(), reason: z.string(), workOrder: z.string().nullable(), sinceMs: z.number() })
    .nullable(),
  cannotEvaluate: z.object({ reason: z.string(), sinceMs: z.number() }).nullable(),
  raisedAtMs: Instant,
  clearedAtMs: Instant,
  acknowledgedAtMs: Instant,
  acknowledgedBy: z.string().nullable(),
  firstRaisedAtMs: Instant,
  occurrences: z.number(),
  cooldownUntilMs: Instant,
  comments: z.array(z.object({ atMs: z.number(), by: z.string(), text: z.string() })),
  workOrder: z.string().nullable(),
});

export const StoredBook = z.array(StoredAlarm);

export function bookOf(stored: readonly AlarmRecord[]): AlarmBook {
  return new Map(stored.map((record) => [record.rule, record]));
}

/** Since when a rule's condition holds and since when it is gone, by rule id. */
export const StoredTimers = z.array(z.tuple([z.string(), z.number().nullable(), z.number().nullable()]));

export function storeTimers(timers: RuleTimers, ids: readonly string[]): z.infer<typeof StoredTimers> {
  const stored: z.infer<typeof StoredTimers> = [];
  ids.forEach((id, index) => {
    const on = nullable(timers.onSinceMs[index]);
    const off = nullable(timers.offSinceMs[index]);
    if (on !== null || off !== null) stored.push([id, on, off]);
  });
  return stored;
}

export function restoreTimers(timers: RuleTimers, ids: readonly string[], stored: z.infer<typeof StoredTimers>): void {
  for (const [id, on, off] of stored) {
    const index = ids.indexOf(id);
    if (index < 0) continue;
    timers.onSinceMs[index] = on ?? Number.NaN;
    timers.offSinceMs[index] = off ?? Number.NaN;
  }
}

/** NaN stands for "never" in live arrays, null in what is stored and shown. */
export function nullable(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

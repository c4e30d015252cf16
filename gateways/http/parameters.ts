import { z } from 'zod';
import { type CommandId, EntityId } from '../../runtime/ids.ts';
import { HttpError } from './errors.ts';

/** Parameters that many routes take. */
export const Name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dot, dash and underscore')
  .describe('As in the topology file');

/** What a command is known by, so that repeating it repeats nothing. */
export const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,120}$/;

export const Id = z.strictObject({ id: Name });

/** A number as people write one: no `1e2`, no `0x10`, no spaces. */
export function wholeNumber(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,9}$/, `a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.int().min(min, `at least ${min}`).max(max, `at most ${max}`))
    .meta({ type: 'integer', minimum: min, maximum: max, pattern: undefined });
}

/** ISO 8601 with offset, or epoch milliseconds. */
export const InstantText = z
  .string()
  .max(40)
  .refine(
    (text) => !Number.isNaN(instantOf(text)),
    'ISO 8601 with offset (2026-03-01T08:00:00Z), or epoch milliseconds',
  )
  .transform(instantOf)
  .meta({
    description: 'ISO 8601 with offset, or epoch milliseconds',
    anyOf: [{ pattern: '^\\d{1,15}$' }, { format: 'date-time' }],
  });

const ISO = z.iso.datetime({ offset: true });

function instantOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  // A plus that was not percent-encoded arrives as a space, and an instant has none.
  const iso = text.replace(/ (\d\d:\d\d)$/, '+$1');
  return ISO.safeParse(iso).success ? Date.parse(iso) : Number.NaN;
}

export const YesNo = z.enum(['true', 'false']).transform((text) => text === 'true');

/** `HIGH,CRITICAL` -> a set of known words. */
export function oneOrMore<const T extends string>(words: readonly [T, ...T[]]) {
  const Word = z.enum(words);
  return z
    .string()
    .max(400)
    .refine(
      (text) => text.split(',').every((word) => Word.safeParse(word).success),
      `of ${words.join(', ')}, separated by commas`,
    )
    .transform((text): ReadonlySet<string> => new Set(text.split(',')))
    .meta({
      description: `One or more of ${words.join(', ')}, separated by commas`,
      pattern: `^(${words.join('|')})(,(${words.join('|')}))*$`,
    });
}

export const Reason = z.string().trim().min(1, 'must not be empty').max(2000);

/** What every command answers. */
export const CommandResult = z
  .object({
    result: z.unknown().describe('What the actor says beside the fact of the commit'),
    repeated: z.boolean().describe('The idempotency key was known: this is the first answer'),
    commandId: z.string(),
  })
  .meta({ id: 'CommandResult' });

export function entityOf(kind: string, name: string): EntityId {
  const id = EntityId.safeParse(`${kind}/${name}`);
  if (id.success) return id.data;
  throw new HttpError('NOT_FOUND', `there is no ${kind} ${name}`);
}

export type { CommandId };

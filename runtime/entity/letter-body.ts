import { inspect } from 'node:util';
import type { Json } from '../json.ts';

/** Of what was refused, as much is kept as a person would read; a flood of large inputs must not fill the disk. */
const MAX_LENGTH = 16_384;

/**
 * An input that nobody could take, for a dead letter: as it came where it is small, else its beginning. Numbers that JSON does
 * not have are spelled out, for they may be what was wrong.
 */
export function letterBody(input: unknown): Json {
  const text = asText(input);
  if (text.length > MAX_LENGTH) return { beginning: text.slice(0, MAX_LENGTH), length: text.length };
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function asText(input: unknown): string {
  try {
    return JSON.stringify(input, spelled) ?? String(input);
  } catch {
    return inspect(input, {
      depth: 4,
      maxArrayLength: 100,
      maxStringLength: 1000,
      breakLength: Number.POSITIVE_INFINITY,
    });
  }
}

function spelled(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value === 'bigint') return String(value);
  return value;
}

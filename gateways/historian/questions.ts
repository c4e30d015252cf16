import { ErrorWithCode } from '../../runtime/errors.ts';
import type { RawQuery, WindowQuery } from '../../runtime/historian.ts';

const MAX_ROWS = 100_000;

/** What every historian refuses, wherever it keeps its samples. */
export function checkRaw({ limit }: RawQuery): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_ROWS) return;
  throw invalid(`limit has to be a whole number from 1 to ${MAX_ROWS}`);
}

export function checkWindows(query: WindowQuery): void {
  checkRaw(query);
  if (!(Number.isInteger(query.windowMs) && query.windowMs > 0))
    throw invalid('windowMs has to be a whole number above 0');
}

export function invalid(message: string): ErrorWithCode {
  return new ErrorWithCode('INVALID_QUERY', message, { retryable: false });
}

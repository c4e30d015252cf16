import { ErrorWithCode } from '../../runtime/errors.ts';

/** Refused one by one; with more of them it is not the rows that are wrong. */
const MAX_REFUSED = 16;

/**
 * Writes parts all together. One that the server does not take would hold up all that come after it for ever: what it
 * refuses, with an error that is not retryable, is parted until the wrong ones are alone, and those are passed over.
 * Resolves with how many they were. Not one of them right means that it is the table that is wrong: then this fails, and
 * somebody has to look at it.
 */
export async function writeWithoutRefused<Part>(
  all: readonly Part[],
  write: (parts: readonly Part[]) => Promise<void>,
): Promise<number> {
  if (all.length === 0) return 0;
  const waiting: (readonly Part[])[] = [all];
  let refused = 0;
  let failure: unknown;
  for (let parts = waiting.pop(); parts !== undefined; parts = waiting.pop()) {
    try {
      await write(parts);
    } catch (error) {
      if (!(error instanceof ErrorWithCode) || error.retryable) throw error;
      failure = error;
      if (parts.length === 1) refused += 1;
      else waiting.push(parts.slice(parts.length >> 1), parts.slice(0, parts.length >> 1));
      if (refused > MAX_REFUSED) throw error;
    }
  }
  if (refused === all.length) throw failure;
  return refused;
}

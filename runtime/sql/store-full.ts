import { codeOf, ErrorWithCode } from '../errors.ts';

/** SQLSTATE of PostgreSQL: a file could not be made larger. */
const DISK_FULL = '53100';

export function isSqliteFull(error: unknown): boolean {
  return codeOf(error)?.startsWith('SQLITE_FULL') ?? false;
}

/** @param state the SQLSTATE of an answer */
export function isPostgresFull(state: string): boolean {
  return state === DISK_FULL;
}

/** In words for whoever can make room; which file of the database it was that could not grow is in its cause. */
export function storeFull(cause: unknown): ErrorWithCode {
  return new ErrorWithCode('STORE_FULL', 'the disk of the database is full', { cause });
}

import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import Database from 'libsql';
import { codeOf, ErrorWithCode, messageOf } from '../errors.ts';

/** A folder that belongs to this process until it closes it or ends, however it ends. */
export interface DataDir {
  readonly path: string;
  close(): void;
}

/**
 * Creates the folder where it is missing and takes it for this process. The lock is an open SQLite transaction: the
 * operating system frees it with the process, so a kill leaves nothing behind that somebody would have to delete.
 *
 * Fails with DATA_DIR_NOT_WRITABLE or DATA_DIR_IN_USE.
 */
export function openDataDir(dir: string): DataDir {
  const absolute = createDataDir(dir);
  let lock: Database.Database | undefined;
  try {
    lock = new Database(path.join(absolute, 'lock.db'));
    lock.exec('pragma journal_mode=delete');
    lock.exec('begin exclusive');
  } catch (error) {
    lock?.close();
    if (codeOf(error)?.startsWith('SQLITE_BUSY')) {
      throw new ErrorWithCode(
        'DATA_DIR_IN_USE',
        `The data folder ${absolute} is in use by another Signalbox process; stop it, or name another folder.`,
        { cause: error, retryable: false },
      );
    }
    throw notWritable(absolute, error);
  }
  const held = lock;
  return { path: absolute, close: () => held.close() };
}

/** The folder's absolute path, once it is there and may be written to. */
export function createDataDir(dir: string): string {
  const absolute = path.resolve(dir);
  try {
    makeDir(absolute);
    accessSync(absolute, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw notWritable(absolute, error);
  }
  return absolute;
}

/** With its parents, one by one: where nothing can be made, in /proc for instance, mkdir of Node tries for ever. */
function makeDir(dir: string): void {
  if (existsSync(dir)) return;
  if (path.dirname(dir) !== dir) makeDir(path.dirname(dir));
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function notWritable(dir: string, cause: unknown): ErrorWithCode {
  return new ErrorWithCode(
    'DATA_DIR_NOT_WRITABLE',
    `The data folder ${dir} cannot be written to: ${messageOf(cause)}.`,
    {
      cause,
      retryable: false,
    },
  );
}

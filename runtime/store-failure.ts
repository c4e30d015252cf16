import { codeOf, ErrorWithCode, messageOf } from './errors.ts';

export type StoreName = 'journal' | 'telemetry log';

/**
 * A store did not do what was asked of it. That is not the doing of whoever asked: an entity waits for the store and does
 * not spend its restarts on it. Not retryable where the store says that the same would fail again.
 */
export class StoreFailure extends ErrorWithCode {
  readonly store: StoreName;

  constructor(store: StoreName, cause: unknown) {
    const retryable = cause instanceof ErrorWithCode ? cause.retryable : true;
    const what = hasNoRoom(cause) ? 'takes nothing more' : 'did not answer';
    super('UNAVAILABLE', `the ${store} ${what}: ${messageOf(cause)}`, { cause, retryable });
    this.store = store;
  }
}

/** A store answers and cannot take anything: it can again when somebody has made room for it. */
export function hasNoRoom(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'STORE_FULL' || code === 'LOG_DISK_FULL';
}

/** The answer of a store; its failure is told apart from every other one. */
export async function answerOf<Answer>(store: StoreName, asked: Promise<Answer>): Promise<Answer> {
  try {
    return await asked;
  } catch (cause) {
    throw new StoreFailure(store, cause);
  }
}

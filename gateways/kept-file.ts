import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { z } from 'zod';

/**
 * A small JSON file that outlives the driver. Written whole and put in place by a rename, so that a crash leaves the old or the
 * new one. Synchronous: it is written when a device refuses a range or changes hands, a few times in its life.
 */
export class KeptFile<T> {
  readonly #path: string;
  readonly #schema: z.ZodType<T>;

  constructor(path: string, schema: z.ZodType<T>) {
    this.#path = path;
    this.#schema = schema;
  }

  /** Null when there is none. Throws when it is there and cannot be read or understood. */
  read(): T | null {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }
    return this.#schema.parse(JSON.parse(text));
  }

  write(content: T): void {
    mkdirSync(dirname(this.#path), { recursive: true });
    const temporary = `${this.#path}.tmp`;
    writeFileSync(temporary, JSON.stringify(content), { flush: true });
    renameSync(temporary, this.#path);
  }
}

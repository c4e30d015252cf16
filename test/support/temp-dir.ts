import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A folder of the test's own; `remove` in `after`. */
export function tempDir(name: string): { readonly dir: string; remove(): void } {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), `signalbox-${name}-`));
  return { dir, remove: () => fs.rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }) };
}

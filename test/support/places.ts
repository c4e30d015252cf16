import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Whether this runs as TypeScript, or from the compiled copy of the tree that `npm test` makes. */
const IN_SOURCES = import.meta.url.endsWith('.ts');

/** The root of the sources, also for a test that runs from the compiled copy in it. */
export const ROOT = rootAbove(path.dirname(fileURLToPath(import.meta.url)));

/** What Node needs to run a file given by {@link moduleFile}. */
export const EXEC_ARGV: readonly string[] = IN_SOURCES
  ? ['--import', path.join(ROOT, 'test', 'support', 'register.mjs')]
  : [];

/** The file of a module named without its extension, for a process of its own: `moduleFile('./child', import.meta.url)`. */
export function moduleFile(name: string, from: string): string {
  return fileURLToPath(new URL(`${name}.${IN_SOURCES ? 'ts' : 'js'}`, from));
}

function rootAbove(folder: string): string {
  return existsSync(path.join(folder, 'tsconfig.json')) ? folder : rootAbove(path.dirname(folder));
}

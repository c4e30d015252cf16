import { readFile } from 'node:fs/promises';
import { assemble } from './assembly.ts';
import { check } from './check.ts';
import { draftOf } from './draft.ts';
import { type Environment, substituteEnvironment } from './environment.ts';
import type { Plant } from './plant.ts';
import type { Problem } from './problem.ts';
import { resolvePlant } from './resolve.ts';
import { Source } from './source.ts';

export { formatProblem, type Problem } from './problem.ts';

export type LoadResult =
  | { readonly ok: true; readonly plant: Plant; readonly warnings: readonly Problem[] }
  /** Errors and warnings, in the order of the file. */
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads and checks a topology file. Never rejects: a file that cannot be read is a problem like any other.
 *
 * @param environment what `${env:NAME}` in connections stands for
 */
export async function loadTopology(file: string, environment: Environment = process.env): Promise<LoadResult> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const place = { file, line: 1, column: 1, path: '' };
    return {
      ok: false,
      problems: [{ ...place, code: 'FILE_UNREADABLE', message, suggestion: null, severity: 'error' }],
    };
  }
  return parseTopology(text, file, environment);
}

/** Checks the text of a topology file. All problems are found in one go. */
export function parseTopology(text: string, fileName: string, environment: Environment = process.env): LoadResult {
  const source = new Source(text, fileName);
  const written = source.toValue();
  if (source.broken) return { ok: false, problems: source.problems };
  const raw = substituteEnvironment(written, environment, source);
  const draft = draftOf(raw, source);
  const assembly = assemble(draft);
  check(assembly, source);
  const problems = source.problems.sort((a, b) => a.line - b.line || a.column - b.column);
  if (draft.head === null || problems.some((problem) => problem.severity === 'error')) return { ok: false, problems };
  const plant = resolvePlant(draft.head, assembly);
  // The checks of references let nothing open pass; a gap in them must not become a plant with holes.
  if (plant === null) throw new Error('a reference is open that no check has reported');
  return { ok: true, plant, warnings: problems };
}

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { ENVIRONMENT_PREFIX, readSettings } from '../../runtime/settings.ts';
import { formatProblem, loadTopology } from '../../topology/load.ts';
import type { Plant } from '../../topology/plant.ts';

/** What tests of the files in deploy/ have in common. */
export const DEPLOY = fileURLToPath(new URL('../../deploy', import.meta.url));

/** Variables of other programs that our files set. */
const FOREIGN = new Set(['HOME', 'NODE_ENV', 'NODE_EXTRA_CA_CERTS']);

export function deployFile(...names: readonly string[]): string {
  return fs.readFileSync(path.join(DEPLOY, ...names), 'utf8');
}

/** Every document of a YAML file; a fault in one of them is thrown. */
export function yamlOf(text: string): unknown[] {
  return parseAllDocuments(text, { merge: true }).map((document) => {
    const [fault] = document.errors;
    if (fault) throw fault;
    return document.toJS();
  });
}

/** What a node would say to these settings; nothing where it would start with them. */
export function problemsOfSettings(
  environment: Readonly<Record<string, string>>,
  file: Readonly<Record<string, unknown>> = {},
): readonly string[] {
  const foreign = Object.keys(environment).filter((name) => !name.startsWith(ENVIRONMENT_PREFIX) && !FOREIGN.has(name));
  const result = readSettings(environment, file, {});
  return [...foreign.map((name) => `nobody reads ${name}`), ...(result.ok ? [] : result.problems)];
}

/** A topology file that has to be sound. */
export async function plantOf(file: string): Promise<Plant> {
  const result = await loadTopology(file, {});
  if (!result.ok) throw new Error(result.problems.map((problem) => formatProblem(problem)).join('\n'));
  return result.plant;
}

import { fileURLToPath } from 'node:url';
import { formatProblem, loadTopology } from '../topology/load.ts';
import type { Plant } from '../topology/plant.ts';
import { Failure } from './failure.ts';

/** The demo plant: what runs where no topology file is named. */
export function demoFile(): string {
  return fileURLToPath(new URL('../topology/demo.yaml', import.meta.url));
}

/** Reads and checks a topology file; every problem becomes a line of the failure. */
export async function readPlant(file: string): Promise<Plant> {
  const result = await loadTopology(file);
  if (result.ok) return result.plant;
  const count = result.problems.length;
  throw new Failure(
    ...result.problems.map((problem) => formatProblem(problem)),
    `signalbox: ${file} has ${count} ${count === 1 ? 'problem' : 'problems'}`,
  );
}

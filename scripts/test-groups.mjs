// Files of tests that share one process: starting one, and loading what they test, costs more than most of them take. Each stands
// in a suite of its own, so that hooks at its top level are its alone; what fails is named by its file, and asked once more by itself.
import fs from 'node:fs';
import path from 'node:path';

/**
 * Which files share how many processes: those that start no process of their own and mostly compute. All others have one each, with
 * servers and clocks of their own.
 */
const SHARED = [
  { name: 'unit', of: /^test\/unit\//, processes: 6 },
  { name: 'http', of: /^test\/integration\/http-/, processes: 1 },
  { name: 'websocket', of: /^test\/integration\/websocket-/, processes: 1 },
  { name: 'engine', of: /^test\/integration\/engine-/, processes: 2 },
  { name: 'deploy', of: /^test\/integration\/deploy-(image|kubernetes|systemd)/, processes: 1 },
];

/**
 * What is to be run: files that have a process each, and groups with the files in them, by the path of what node:test is given.
 *
 * @param {readonly string[]} files relative to the root of the sources
 * @param {string} compiled where these lie as JavaScript
 * @returns {Map<string, string[]>}
 */
export function groupsOf(files, compiled) {
  // node:test sorts by path: after all others, when the ends of the longest lie behind.
  const folder = path.join(compiled, 'together');
  fs.mkdirSync(folder, { recursive: true });
  const runs = new Map();
  for (const file of files) {
    const compiledFile = path.join(compiled, file.replace(/\.ts$/, '.js'));
    const shared = SHARED.find(({ of }) => of.test(file));
    if (shared === undefined) {
      runs.set(compiledFile, [file]);
      continue;
    }
    const { name, of, processes } = shared;
    // Neighbours take their turns of waiting in different processes.
    const number = files.filter((each) => of.test(each)).indexOf(file) % processes;
    const group = path.join(folder, `${name}-${number + 1}.js`);
    runs.set(group, [...(runs.get(group) ?? []), file]);
  }
  for (const [group, members] of runs) if (path.dirname(group) === folder) fs.writeFileSync(group, sourceOf(members));
  return runs;
}

function sourceOf(members) {
  const suites = members.map((file) => `describe('${file}', () => import('../${file.replace(/\.ts$/, '.js')}'));`);
  return ["import { describe } from 'node:test';", ...suites, ''].join('\n');
}

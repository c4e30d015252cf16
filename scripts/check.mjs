// npm run check: types, lint and format, layers and circles, exports that nobody uses. All of them run, side by side, so that one look
// shows everything.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { installPackages, ROOT } from './setup.mjs';

installPackages();
const bin = (name) => path.join(ROOT, 'node_modules', '.bin', name);
const checks = [
  ['types', bin('tsc'), ['--noEmit', '-p', '.']],
  ['lint and format', bin('biome'), ['check', '--error-on-warnings', '.']],
  [
    'layers and circles',
    bin('depcruise'),
    ['--config', '.dependency-cruiser.cjs', 'runtime', 'actors', 'gateways', 'topology', 'ui', 'cli', 'simulators'],
  ],
  ['dead exports', process.execPath, [path.join(ROOT, 'scripts', 'dead-exports.mjs')]],
];
/** Runs it to its end; what it prints comes in one piece. */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => output.push(piece));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output: Buffer.concat(output) }));
  });
}

let failed = 0;
const running = checks.map(([name, command, args]) => ({ name, ended: run(command, args) }));
for (const { name, ended } of running) {
  const { code, output } = await ended;
  process.stdout.write(output);
  console.log(`${code === 0 ? 'ok     ' : 'FAILED '} ${name}`);
  if (code !== 0) failed++;
}
process.exitCode = failed === 0 ? 0 : 1;

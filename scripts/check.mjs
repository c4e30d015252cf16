// npm run check: types, lint and format, layers and circles, exports that nobody uses. All of them run, so that one look shows everything.
import { spawnSync } from 'node:child_process';
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
let failed = 0;
for (const [name, command, args] of checks) {
  const { status } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' });
  console.log(`${status === 0 ? 'ok     ' : 'FAILED '} ${name}`);
  if (status !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);

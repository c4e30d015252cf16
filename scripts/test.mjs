// npm test: sets up what is missing, then runs every test. `npm test -- PART` runs the files whose path contains PART.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { build } from './build.mjs';
import { fail, installPackages, installTestPrograms, ROOT } from './setup.mjs';

const FOLDERS = ['unit', 'simulation', 'contract', 'integration', 'chaos', 'browser'];

function testFiles(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) return testFiles(place);
    return entry.name.endsWith('.test.ts') ? [place] : [];
  });
}

installPackages();
installTestPrograms();
await build();
const part = process.argv[2] ?? '';
const files = FOLDERS.map((name) => path.join(ROOT, 'test', name))
  .filter((folder) => fs.existsSync(folder))
  .flatMap(testFiles)
  .map((file) => path.relative(ROOT, file))
  .filter((file) => file.includes(part));
if (files.length === 0) fail(`No test file has "${part}" in its path.`);
const { status } = spawnSync(
  process.execPath,
  ['--import', './test/support/register.mjs', '--test', '--test-concurrency=2', '--test-timeout=180000', ...files],
  {
    cwd: ROOT,
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: `${process.env.PATH}:/usr/sbin`,
      SIGNALBOX_LOG_LEVEL: process.env.SIGNALBOX_LOG_LEVEL ?? 'fatal',
    },
  },
);
process.exit(status ?? 1);

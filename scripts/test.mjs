// npm test: sets up what is missing, then runs every test but the longer proofs (`*.long.test.ts`), whose ground others cover
// in less time. `npm test -- PART ...` runs the files whose path contains one of them: `npm test -- long` the longer proofs.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from './build.mjs';
import { fail, installPackages, installTestPrograms, ROOT } from './setup.mjs';

const FOLDERS = ['unit', 'simulation', 'contract', 'cluster', 'integration', 'chaos', 'browser'];
const MOST_RETRIED = 4;

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
const { compileTests, COMPILED } = await import('./compile-tests.mjs');
const { groupsOf } = await import('./test-groups.mjs');
await compileTests();
const parts = process.argv.slice(2);
const files = FOLDERS.map((name) => path.join(ROOT, 'test', name))
  .filter((folder) => fs.existsSync(folder))
  .flatMap(testFiles)
  .map((file) => path.relative(ROOT, file))
  .filter((file) => (parts.length === 0 ? !file.endsWith('.long.test.ts') : parts.some((part) => file.includes(part))));
if (files.length === 0) fail(`No test file has ${parts.map((part) => `"${part}"`).join(' or ')} in its path.`);

/**
 * Runs these, each of which stands for files, and gives the files that hold a failed test; the list of failed tests stands at
 * the output's end.
 */
function failedOf(runs, atOnce) {
  const files = [...runs.values()].flat();
  const list = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'signalbox-test-')), 'failed');
  const { status } = spawnSync(
    process.execPath,
    [
      ...['--enable-source-maps', '--import', path.join(ROOT, 'scripts/file-limit.mjs'), '--test'],
      ...[`--test-concurrency=${atOnce}`, '--test-timeout=180000'],
      ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
      ...['--test-reporter=./scripts/failed-files.mjs', `--test-reporter-destination=${list}`],
      ...runs.keys(),
    ],
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
  const failed = fs
    .readFileSync(list, 'utf8')
    .split('\n')
    .filter(Boolean)
    .flatMap((place) => {
      // A process that broke as a whole.
      if (runs.has(place)) return runs.get(place);
      const file = path.relative(place.startsWith(COMPILED) ? COMPILED : ROOT, place).replace(/\.js$/, '.ts');
      return files.includes(file) ? [file] : importersOf(file, files);
    });
  fs.rmSync(path.dirname(list), { recursive: true });
  if (status !== 0 && failed.length === 0) fail('The tests did not run to their end.');
  return [...new Set(failed)];
}

function alone(files) {
  return new Map(files.map((file) => [path.join(COMPILED, file.replace(/\.ts$/, '.js')), [file]]));
}

/** A test is reported where it is written: that of a contract in a file which by itself runs no test, and would pass so. */
function importersOf(file, files) {
  const importers = files.filter((each) =>
    fs.readFileSync(path.join(ROOT, each), 'utf8').includes(path.basename(file)),
  );
  return importers.length > 0 ? importers : fail(`A test of ${file} failed, which no file of tests imports.`);
}

// Real servers and browsers share two cores here: a file that fails beside others is asked once more by itself.
// What passes only then is named, so that it is mended rather than forgotten. Three at once, since many wait for a time to pass.
let failed = failedOf(groupsOf(files, COMPILED), 3);
if (failed.length > 0 && failed.length <= MOST_RETRIED) {
  console.log(`\nOnce more, by itself: ${failed.join(', ')}`);
  const unsteady = failed;
  failed = failedOf(alone(failed), 1);
  const passed = unsteady.filter((file) => !failed.includes(file));
  if (passed.length > 0) console.log(`\nUNSTEADY, passed only by themselves: ${passed.join(', ')}`);
}
console.log(failed.length > 0 ? `\nFAILED: ${failed.join(', ')}` : '\nPASSED');
process.exit(failed.length > 0 ? 1 : 0);

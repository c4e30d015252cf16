// Builds dist/: the product as JavaScript, file for file, and the wall as one bundle. Skipped when nothing changed.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { fail, installPackages, ROOT } from './setup.mjs';

const SOURCES = ['moleculer.config.ts', 'runtime', 'actors', 'gateways', 'topology', 'cli', 'simulators', 'ui'];
const STAMP = path.join(ROOT, 'dist', '.built');

export async function build({ force = false } = {}) {
  const newest = Math.max(
    ...[...SOURCES, 'package.json', 'tsconfig.build.json', 'scripts'].map((name) => newestUnder(path.join(ROOT, name))),
  );
  if (!force && fs.existsSync(STAMP) && fs.statSync(STAMP).mtimeMs > newest) return;
  fs.rmSync(path.join(ROOT, 'dist'), { recursive: true, force: true });
  const { status } = spawnSync(
    process.execPath,
    [path.join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
    { cwd: ROOT, stdio: 'inherit' },
  );
  if (status !== 0) fail('The build failed.');
  const { buildUi } = await import('./build-ui.mjs');
  await buildUi(path.join(ROOT, 'dist', 'ui'));
  for (const file of fs.readdirSync(path.join(ROOT, 'topology')).filter((name) => name.endsWith('.yaml'))) {
    fs.copyFileSync(path.join(ROOT, 'topology', file), path.join(ROOT, 'dist', 'topology', file));
  }
  fs.writeFileSync(STAMP, new Date().toISOString());
}

function newestUnder(place) {
  const stat = fs.statSync(place);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return fs
    .readdirSync(place)
    .reduce((newest, name) => Math.max(newest, newestUnder(path.join(place, name))), stat.mtimeMs);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  installPackages();
  await build({ force: true });
}

// node scripts/bundle.mjs OUT [--arch x64|arm64|arm] [--node 24] [--archive]: the built product in a folder that runs where
// nothing but Node.js is installed: production packages only, and of native code only what this platform loads.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { fail, ROOT } from './setup.mjs';

/** Node.js version -> the ABI that a binary of uWebSockets.js is named after. */
const ABI = { 20: '115', 22: '127', 24: '137' };
const ARCHITECTURES = ['x64', 'arm64', 'arm'];
/** Ships one binary a platform and ABI, 250 MB of them. */
const WEBSOCKETS = 'uWebSockets.js';
/** Packages that only build the wall. */
const BUILD_ONLY = ['esbuild', '@esbuild'];
/** Of no use to a running process; licences stay. */
const DEAD_WEIGHT =
  /\.(musl\.node|d\.[cm]?ts|map|md|markdown|ts|tsx|flow)$|^(tsconfig.*\.json|\.eslintrc.*|\.travis\.yml)$/i;
const KEPT = /^(licen[cs]e|notice|copying)/i;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    arch: { type: 'string', default: process.arch },
    node: { type: 'string', default: process.versions.node.split('.')[0] },
    archive: { type: 'boolean', default: false },
  },
});
const [out] = positionals;
const abi = ABI[values.node];
if (out === undefined || abi === undefined || !ARCHITECTURES.includes(values.arch))
  fail(
    `node scripts/bundle.mjs OUT [--arch ${ARCHITECTURES.join('|')}] [--node ${Object.keys(ABI).join('|')}] [--archive]`,
  );
const target = path.resolve(out);
if (fs.existsSync(target) && fs.readdirSync(target).length > 0) fail(`${target} is not empty`);

await build();
fs.mkdirSync(target, { recursive: true });
for (const name of ['package.json', 'package-lock.json', 'LICENSE', 'bin', 'dist'])
  fs.cpSync(path.join(ROOT, name), path.join(target, name), { recursive: true });
installProduction();
keepOwnBinary();
for (const name of [...BUILD_ONLY, ...foreignPackages()])
  fs.rmSync(path.join(target, 'node_modules', name), { recursive: true, force: true });
dropDeadWeight(path.join(target, 'node_modules'));
dropDeadWeight(path.join(target, 'dist'));
// What it needed to be installed, not to run.
fs.rmSync(path.join(target, 'package-lock.json'));
fs.rmSync(path.join(target, 'dist', '.built'), { force: true });
console.log(`${target}: ${megabytes(sizeOf(target))} MB for linux-${values.arch}, Node.js ${values.node}`);
if (values.archive) pack();

function installProduction() {
  const { status } = spawnSync(
    'npm',
    [
      ...['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
      ...['--os=linux', `--cpu=${values.arch}`, '--libc=glibc'],
    ],
    { cwd: target, stdio: 'inherit' },
  );
  if (status !== 0) fail('npm ci failed');
}

function keepOwnBinary() {
  const folder = path.join(target, 'node_modules', WEBSOCKETS);
  const own = `uws_linux_${values.arch}_${abi}.node`;
  if (!fs.existsSync(path.join(folder, own))) fail(`${WEBSOCKETS} has no ${own}`);
  const needed = new Set([own, 'package.json', 'uws.js', 'ESM_wrapper.mjs', 'LICENSE', 'source_commit']);
  for (const name of fs.readdirSync(folder))
    if (!needed.has(name)) fs.rmSync(path.join(folder, name), { recursive: true });
}

/** Binaries of libsql for the other C library: the lock file does not say which one they are for, so npm installs both. */
function foreignPackages() {
  const names = fs.readdirSync(path.join(target, 'node_modules', '@libsql'));
  return names.filter((name) => name.endsWith('-musl')).map((name) => path.join('@libsql', name));
}

function dropDeadWeight(folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) dropDeadWeight(place);
    else if (DEAD_WEIGHT.test(entry.name) && !KEPT.test(entry.name)) fs.rmSync(place);
    else if (isForeignBinary(place)) fs.rmSync(place);
  }
  if (fs.readdirSync(folder).length === 0) fs.rmdirSync(folder);
}

/** Packages with prebuilt binaries of all platforms in folders named after them: prebuilds/linux-x64, prebuilds/darwin-arm64 ... */
function isForeignBinary(place) {
  const platform = /[\\/]prebuilds[\\/]([^\\/]+)[\\/]/.exec(place)?.[1];
  return platform !== undefined && platform !== `linux-${values.arch}`;
}

/** tar with everything owned by root, so that it unpacks the same whoever packed it; with what systemd needs beside it. */
function pack() {
  fs.cpSync(path.join(ROOT, 'deploy', 'systemd'), path.join(target, 'systemd'), { recursive: true });
  const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  const file = path.resolve(`signalbox-${version}-linux-${values.arch}-node${values.node}.tar.gz`);
  const name = `signalbox-${version}`;
  const { status } = spawnSync(
    'tar',
    ['-czf', file, '--owner=0', '--group=0', '--numeric-owner', `--transform=s,^\\.,${name},S`, '-C', target, '.'],
    { stdio: 'inherit' },
  );
  if (status !== 0) fail('tar failed');
  console.log(`${file}: ${megabytes(fs.statSync(file).size)} MB`);
}

function sizeOf(place) {
  const stat = fs.lstatSync(place);
  if (!stat.isDirectory()) return stat.size;
  return fs.readdirSync(place).reduce((sum, name) => sum + sizeOf(path.join(place, name)), 0);
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

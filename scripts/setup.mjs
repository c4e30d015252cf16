// What a fresh machine lacks: npm packages, the built product, and for the tests a few Debian packages.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchQuestDb } from './questdb.mjs';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Program -> Debian package that holds it. */
const TEST_PROGRAMS = {
  chromium: 'chromium',
  mosquitto: 'mosquitto',
  mosquitto_pub: 'mosquitto-clients',
  mbpoll: 'mbpoll',
  'nats-server': 'nats-server',
  'redis-server': 'redis-server',
  socat: 'socat',
  openssl: 'openssl',
};

/** Without them the tests of QuestDB are skipped and say so, so that nobody is kept from the others. */
const QUESTDB_PROGRAMS = { java: 'default-jre-headless', mvn: 'maven' };

export function fail(message) {
  console.error(message);
  process.exit(1);
}

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', ...options });
  if (error || status !== 0) fail(`${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`);
}

/** npm packages, when some are missing or of another version than the lock file says. */
export function installPackages() {
  if (isInstalled()) return;
  console.log('Installing packages (once) ...');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

/**
 * Compared by what is in both lists and not by their age, since a clone gives every file a new time. What is optional may be
 * absent: packages for other platforms. What is there beyond the list does no harm.
 */
function isInstalled() {
  const installed = packagesIn(path.join(ROOT, 'node_modules', '.package-lock.json'));
  const wanted = packagesIn(path.join(ROOT, 'package-lock.json'));
  return Object.entries(wanted).every(([place, { version, optional, devOptional }]) => {
    if (place === '') return true;
    const found = installed[place];
    return found === undefined ? optional === true || devOptional === true : found.version === version;
  });
}

function packagesIn(file) {
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')).packages : {};
}

/** Peers and the browser that the tests talk to. As root they are installed, otherwise named. */
export function installTestPrograms() {
  installPrograms();
  fetchQuestDb();
}

function installPrograms() {
  const isRoot = process.getuid?.() === 0;
  const missing = Object.entries(isRoot ? { ...TEST_PROGRAMS, ...QUESTDB_PROGRAMS } : TEST_PROGRAMS)
    .filter(([program]) => !onPath(program))
    .map(([, name]) => name);
  if (!hasPymodbus()) missing.push('python3-pymodbus');
  if (!hasPostgres()) missing.push('postgresql');
  if (missing.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (!isRoot) fail(`The tests need these Debian packages: ${missing.join(', ')}\nInstall them with: sudo ${command}`);
  console.log(`Installing for the tests: ${missing.join(', ')} ...`);
  // In run level 1 the packages' own servers stay off: the tests start servers of their own, on ports of their own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'], env };
  run('apt-get', ['update', '-qq'], quiet);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], quiet);
}

function onPath(program) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.some((folder) => fs.existsSync(path.join(folder, program)));
}

function hasPymodbus() {
  return spawnSync('/usr/bin/python3', ['-c', 'import pymodbus'], { stdio: 'ignore' }).status === 0;
}

/** Debian keeps the server outside of the path, in a folder of its version. */
function hasPostgres() {
  const versions = '/usr/lib/postgresql';
  if (!fs.existsSync(versions)) return false;
  return fs.readdirSync(versions).some((version) => fs.existsSync(path.join(versions, version, 'bin', 'postgres')));
}

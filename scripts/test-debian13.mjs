// npm run test:debian13 [-- PART ...]: all tests on Node.js 24 in Debian 13, whatever this machine has. As root: a root folder of
// Debian 13 is made once in the cache (DEBIAN13_ROOT names another place), what is committed is copied in, and the tests run
// there with `npm test`. Each step that was done stays done, so it can be broken off and started again at any time. It ends by
// itself: its last line says what was run, on what and whether it passed, and its exit code is 0 only if all did.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fail, ROOT } from './setup.mjs';

const NODE_VERSION = '24.21.0';
const NPM_VERSION = '11.21.2';
const SUITE = 'trixie';
const MIRROR = process.env.DEBIAN_MIRROR ?? 'http://deb.debian.org/debian';
const CACHE = process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache');
const root = path.resolve(process.env.DEBIAN13_ROOT ?? path.join(CACHE, 'signalbox', 'debian13'));
/** What the scripts of `npm test` expect of a machine; the servers that the tests talk to are installed by those themselves. */
const PACKAGES = ['ca-certificates', 'git', 'libatomic1', 'libstdc++6', 'procps', 'python3', 'adduser'];
const SOURCE = '/work/signalbox';
/** What debootstrap makes: a folder with anything else in it is not ours to remove. */
const KNOWN_IN_ROOT = new Set(
  'bin boot debootstrap dev etc home lib lib32 lib64 media mnt opt proc root run sbin srv sys tmp usr var work'.split(
    ' ',
  ),
);

/** Six times what all tests take on two cores with nothing else to do: whatever still runs then hangs. */
const LIMIT_MIN = 75;

if (process.getuid?.() !== 0) fail('This makes a root folder of its own and has to be run as root.');
if (!['x64', 'arm64'].includes(process.arch)) fail(`There is no Node.js ${NODE_VERSION} for ${process.arch} here.`);
const onlyMake = process.argv.includes('--make');
const parts = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));

beAlone();
step('debian', makeRoot);
step(`node-${NODE_VERSION}`, installNode);
step(`npm-${NPM_VERSION}`, installNpm);
copyMachineFacts();
const commit = copySource();
if (inside(['node', '-e', "import('./scripts/setup.mjs').then(({ installPackages }) => installPackages())"]) !== 0)
  fail('The packages could not be installed.');
copyCache();
if (onlyMake) {
  console.log(`Ready: ${root}`);
} else {
  const startedMs = Date.now();
  const code = inside(['npm', 'test', ...(parts.length > 0 ? ['--', ...parts] : [])]);
  const debian = fs.readFileSync(path.join(root, 'etc/debian_version'), 'utf8').trim();
  const what = `${parts.join(' ') || 'all tests'} of ${commit} on Node.js ${NODE_VERSION}, Debian ${debian}`;
  console.log(
    `\n${code === 0 ? 'PASSED' : 'FAILED'}: ${what}, in ${((Date.now() - startedMs) / 60_000).toFixed(1)} min`,
  );
  process.exit(code);
}

/** Two at once would take the sources away from each other. */
function beAlone() {
  const lock = `${root}.pid`;
  fs.mkdirSync(path.dirname(root), { recursive: true });
  const other = fs.existsSync(lock) ? Number(fs.readFileSync(lock, 'utf8')) : 0;
  if (other > 0 && fs.existsSync(`/proc/${other}`)) fail(`Process ${other} uses ${root}; wait for its end.`);
  fs.writeFileSync(lock, `${process.pid}`);
  process.once('exit', () => fs.rmSync(lock, { force: true }));
}

/** Runs it unless an earlier run came to its end; what it left half done is made anew. */
function step(name, work) {
  const done = path.join(root, `.signalbox-${name}`);
  if (fs.existsSync(done)) return;
  console.log(`Debian 13: ${name} ...`);
  work();
  fs.writeFileSync(done, new Date().toISOString());
}

function makeRoot() {
  if (spawnSync('debootstrap', ['--version'], { stdio: 'ignore' }).error) {
    run('apt-get', ['update', '-qq']);
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'debootstrap']);
  }
  removeRoot();
  fs.mkdirSync(root, { recursive: true });
  // Mounts of debootstrap's own end with this name space.
  run('unshare', [
    ...['--mount', '--propagation', 'private', 'debootstrap', '--variant=minbase'],
    ...[`--include=${PACKAGES.join(',')}`, SUITE, root, MIRROR],
  ]);
  // Packages of servers do not start them: tests have servers of their own, on ports of their own.
  fs.writeFileSync(path.join(root, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
}

/** Never through a mount: whatever is mounted below belongs to the machine. */
function removeRoot() {
  if (!fs.existsSync(root)) return;
  const mounts = fs.readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const below = mounts.map((line) => line.split(' ')[1] ?? '').filter((place) => `${place}/`.startsWith(`${root}/`));
  if (below.length > 0) fail(`Something is mounted in ${root}, so it is left alone: ${below.join(', ')}`);
  if (fs.readdirSync(root).some((name) => !KNOWN_IN_ROOT.has(name) && !name.startsWith('.signalbox-')))
    fail(`${root} holds something that is no Debian, so it is left alone`);
  fs.rmSync(root, { recursive: true, force: true, maxRetries: 3 });
}

/** Node.js as the registry of npm has it, checked by npm against the sum there. */
function installNode() {
  const arch = process.arch;
  const folder = unpack(`node-linux-${arch}@${NODE_VERSION}`);
  fs.cpSync(path.join(folder, 'bin/node'), path.join(root, 'usr/local/bin/node'));
  fs.chmodSync(path.join(root, 'usr/local/bin/node'), 0o755);
  fs.rmSync(path.dirname(folder), { recursive: true });
}

function installNpm() {
  const folder = unpack(`npm@${NPM_VERSION}`);
  const place = path.join(root, 'usr/local/lib/node_modules/npm');
  fs.rmSync(place, { recursive: true, force: true });
  fs.cpSync(folder, place, { recursive: true });
  for (const name of ['npm', 'npx']) {
    const link = path.join(root, 'usr/local/bin', name);
    fs.rmSync(link, { force: true });
    fs.symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, link);
  }
  fs.rmSync(path.dirname(folder), { recursive: true });
}

function unpack(specification) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'signalbox-debian13-'));
  const options = { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] };
  const file = execFileSync('npm', ['pack', '--silent', specification], options).trim().split('\n').at(-1);
  run('tar', ['-xzf', path.join(folder, file), '-C', folder]);
  return path.join(folder, 'package');
}

/** How this machine finds names, trusts certificates and reaches registries. */
function copyMachineFacts() {
  for (const file of ['/etc/resolv.conf', '/etc/hosts']) {
    if (!fs.existsSync(file)) continue;
    const place = path.join(root, file);
    fs.mkdirSync(path.dirname(place), { recursive: true });
    fs.rmSync(place, { force: true });
    fs.copyFileSync(file, place);
  }
  const authorities = '/etc/ssl/certs/ca-certificates.crt';
  if (fs.existsSync(authorities)) fs.copyFileSync(authorities, path.join(root, authorities));
  const components = path.join(root, 'etc/apt/sources.list');
  fs.writeFileSync(components, `deb ${MIRROR} ${SUITE} main\n`);
}

/** What is committed, as a clone has it; returns the commit. Packages and the cache of an earlier run stay, all else goes. */
function copySource() {
  const place = path.join(root, SOURCE);
  fs.mkdirSync(place, { recursive: true });
  for (const name of fs.readdirSync(place))
    if (name !== 'node_modules') fs.rmSync(path.join(place, name), { recursive: true, force: true });
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  const archive = execFileSync('git', ['archive', commit], { cwd: ROOT, maxBuffer: 512 * 1024 * 1024 });
  execFileSync('tar', ['-x', '-C', place], { input: archive });
  return commit;
}

/** What this machine has fetched for the tests already; after the packages, for npm empties the folder that it is in. */
function copyCache() {
  const cache = 'node_modules/.cache/signalbox';
  if (fs.existsSync(path.join(ROOT, cache)))
    fs.cpSync(path.join(ROOT, cache), path.join(root, SOURCE, cache), { recursive: true });
}

/**
 * A command in the root folder, in name spaces of its own for mounts and processes: whatever way it ends, or this one, no mount
 * and no process is left.
 */
function inside(command) {
  const script = [
    'set -e',
    'mount --bind "$1" "$1"',
    'mount --rbind /dev "$1/dev"',
    'mount --rbind /sys "$1/sys"',
    'mount -t proc proc "$1/proc"',
    'mount -t tmpfs tmpfs "$1/dev/shm"',
    'mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"',
    'mount -t tmpfs tmpfs "$1/run"',
    'directory=$2; root=$1; shift 2',
    `exec chroot "$root" /bin/sh -c 'cd "$0" && exec "$@"' "$directory" "$@"`,
  ].join('\n');
  const { status, error } = spawnSync(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child'],
      ...['/bin/bash', '-c', script, 'inside', root, SOURCE, ...command],
    ],
    { stdio: 'inherit', env: environmentInside(), timeout: LIMIT_MIN * 60_000, killSignal: 'SIGKILL' },
  );
  if (error) console.error(error.code === 'ETIMEDOUT' ? `Not ended within ${LIMIT_MIN} min` : error.message);
  return status ?? 1;
}

/** Of ours, what says how registries are reached; paths to programs of this machine mean nothing there. */
function environmentInside() {
  const passed = Object.entries(process.env).filter(([name]) =>
    /^(https?_proxy|no_proxy|npm_config_registry|CI)$/i.test(name),
  );
  return {
    ...Object.fromEntries(passed),
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    // Authorities that this machine trusts, a proxy's among them.
    NODE_EXTRA_CA_CERTS: '/etc/ssl/certs/ca-certificates.crt',
    LANG: 'C.UTF-8',
  };
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    stdio: 'inherit',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (error || status !== 0) fail(`${command} failed${error ? `: ${error.message}` : ''}`);
}

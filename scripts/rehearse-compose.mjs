// node scripts/rehearse-compose.mjs: deploy/compose without an engine of containers. As root, after `npm run test:debian13 -- --make`:
// every service of compose.yaml runs from Debian's packages with its own command, configuration, secrets, folders, networks and
// user, on a file system that cannot be written to, and is asked by its own health check; then a device publishes, and what it
// says has to be on every core node. Names of images are not tried, nor their entry points: those of QuestDB and PostgreSQL are
// replaced by a line each.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { Networks, run, Sandbox } from './rehearsal/sandbox.mjs';
import { fail, ROOT } from './setup.mjs';

const CACHE = process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache');
const DEBIAN = path.resolve(process.env.DEBIAN13_ROOT ?? path.join(CACHE, 'signalbox', 'debian13'));
const QUESTDB = path.join(ROOT, 'node_modules/.cache/signalbox/questdb-9.1.0.jar');
const PACKAGES = 'nats-server postgresql redis-server mosquitto mosquitto-clients default-jre-headless iproute2 wget';
const HEALTHY_WITHIN_MS = 120_000;
/** Longer than a lease, for whatever has to move to another node. */
const SHOWN_WITHIN_MS = 60_000;
const USER = { uid: 1000, gid: 1000 };
const PATH = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';

if (process.getuid?.() !== 0) fail('This makes name spaces and has to be run as root.');
if (!fs.existsSync(path.join(DEBIAN, '.signalbox-debian'))) fail('First: npm run test:debian13 -- --make');
if (process.env.REHEARSAL === undefined) await prepareAndEnter();

const folder = process.env.REHEARSAL;
const directory = path.join(folder, 'compose');
const text = fs.readFileSync(path.join(directory, 'compose.yaml'), 'utf8');
const compose = parse(text, { merge: true });
const networks = new Networks(Object.keys(compose.networks), compose.services);
const running = new Map();
let failed = 0;
try {
  for (const name of inOrder(compose.services)) await start(name);
  await checks();
} catch (error) {
  check(error.message, false);
} finally {
  for (const name of [...running.keys()].reverse()) {
    const { stop_signal: signal, stop_grace_period: grace = '10s' } = compose.services[name];
    const { code, tookMs, killed } = await running.get(name).stop(signal, Number.parseInt(grace, 10) * 1000);
    check(`${name} stops in good order: ${tookMs} ms, code ${code}`, !killed);
  }
}
if (failed > 0) for (const [name, sandbox] of running) console.log(`\n--- ${name}\n${sandbox.log.slice(-3000)}`);
process.exit(failed === 0 ? 0 : 1);

/** What takes the network goes before: packages, the product. Then everything else in name spaces that end with it. */
async function prepareAndEnter() {
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'signalbox-rehearsal-'));
  fs.chmodSync(work, 0o755);
  try {
    installServers();
    run(process.execPath, [path.join(ROOT, 'scripts/bundle.mjs'), path.join(work, 'product'), '--node', '24'], {
      stdio: 'inherit',
    });
    fs.cpSync(path.join(ROOT, 'deploy/compose'), path.join(work, 'compose'), {
      recursive: true,
      filter: (source) => !/[\\/](secrets|state|\.env)$/.test(source),
    });
    const environment = { ...process.env, SIGNALBOX_UID: String(USER.uid), SIGNALBOX_GID: String(USER.gid) };
    run('./secrets.sh', ['tank-radar', 'pump-plc'], { cwd: path.join(work, 'compose'), env: environment });
    const { status } = spawnSync(
      'unshare',
      [
        ...['--net', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'],
        ...[process.execPath, ...process.argv.slice(1)],
      ],
      { stdio: 'inherit', env: { ...process.env, REHEARSAL: work } },
    );
    process.exit(status ?? 1);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

function installServers() {
  const missing = PACKAGES.split(' ').filter(
    (name) => spawnSync('chroot', [DEBIAN, 'dpkg-query', '-s', name], { stdio: 'ignore' }).status !== 0,
  );
  if (missing.length === 0) return;
  const env = { PATH, DEBIAN_FRONTEND: 'noninteractive' };
  run('chroot', [DEBIAN, 'apt-get', 'update', '-qq'], { env });
  run('chroot', [DEBIAN, 'apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing], {
    env,
    timeout: 600_000,
  });
}

/** Whoever is depended on comes first. */
function inOrder(services) {
  const done = [];
  const visit = (name) => {
    if (done.includes(name)) return;
    for (const other of Object.keys(services[name].depends_on ?? {})) visit(other);
    done.push(name);
  };
  for (const name of Object.keys(services)) visit(name);
  return done;
}

async function start(name) {
  const service = compose.services[name];
  const place = (file) => path.resolve(directory, file);
  const mounted = (declared, what) =>
    (what ?? []).map((entry) => ({
      source: place(declared[entry.source ?? entry].file),
      target: entry.target ?? `/run/secrets/${entry}`,
      writable: false,
    }));
  const { argv, before, mounts = [] } = programOf(name, service);
  const sandbox = new Sandbox(
    name,
    {
      root: DEBIAN,
      folder,
      user: USER,
      argv,
      before,
      environment: { PATH: `${postgresBin()}:${PATH}`, HOME: '/nonexistent', LANG: 'C.UTF-8', ...service.environment },
      mounts: [
        ...(service.volumes ?? []).map(({ source, target }) => ({ source: place(source), target, writable: true })),
        ...mounted(compose.configs, service.configs),
        ...mounted(compose.secrets, service.secrets),
        ...mounts,
      ],
      tmpfs: service.tmpfs ?? [],
    },
    networks,
  );
  running.set(name, sandbox);
  const fromMs = performance.now();
  const [, ...asked] = service.healthcheck.test.map((word) => word.replaceAll('$$', '$'));
  let answer;
  await until(`${name} is healthy`, HEALTHY_WITHIN_MS, () => {
    if (sandbox.ended) throw new Error(`${name} has ended: ${sandbox.log.slice(-2000)}`);
    answer = sandbox.exec(asked);
    return answer.status === 0;
  }).catch((error) => {
    throw new Error(`${error.message}: ${answer?.stdout}${answer?.stderr}`);
  });
  check(`${name} is healthy by its own check after ${Math.round(performance.now() - fromMs)} ms`, true);
}

/** What the image of a service runs, from Debian's packages. */
function programOf(name, { image, command = [], environment = {} }) {
  const product = { source: path.join(folder, 'product'), target: '/opt/signalbox', writable: false };
  if (image.includes('signalbox')) return { argv: ['/opt/signalbox/bin/signalbox.mjs', ...command], mounts: [product] };
  if (name === 'nats') return { argv: ['nats-server', ...command] };
  if (name === 'questdb')
    return {
      argv: [
        'java',
        '-Xmx1g',
        '-p',
        '/opt/questdb.jar',
        '-m',
        'io.questdb/io.questdb.ServerMain',
        '-d',
        '/var/lib/questdb',
        '-f',
      ],
      mounts: [{ source: QUESTDB, target: '/opt/questdb.jar', writable: false }],
    };
  if (name === 'postgres') return { argv: command, before: [makeCluster(environment)], mounts: [passwd()] };
  return { argv: command };
}

/** As the entry point of the image does it on an empty folder. */
function makeCluster({ POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD_FILE, POSTGRES_INITDB_ARGS, PGDATA }) {
  const initdb = `initdb -D ${PGDATA} --username=${POSTGRES_USER} --pwfile=${POSTGRES_PASSWORD_FILE} ${POSTGRES_INITDB_ARGS}`;
  return [
    'sh',
    '-ec',
    `[ -s ${PGDATA}/PG_VERSION ] || { ${initdb}; echo 'create database ${POSTGRES_DB}' | postgres --single -D ${PGDATA} postgres; }`,
  ];
}

/** The image has a wrapper that gives any number a name; initdb asks for one. */
function passwd() {
  const source = path.join(folder, 'passwd');
  fs.writeFileSync(source, `root:x:0:0::/root:/bin/sh\npostgres:x:${USER.uid}:${USER.gid}::/:/bin/sh\n`);
  return { source, target: '/etc/passwd', writable: false };
}

function postgresBin() {
  const versions = path.join(DEBIAN, 'usr/lib/postgresql');
  return `/usr/lib/postgresql/${fs.readdirSync(versions).sort((a, b) => Number(b) - Number(a))[0]}/bin`;
}

async function checks() {
  for (const [name, sandbox] of running) {
    const status = fs.readFileSync(`/proc/${sandbox.pid}/status`, 'utf8');
    const [uid, capabilities, noNewPrivileges] = ['Uid', 'CapEff', 'NoNewPrivs'].map(
      (key) => new RegExp(`^${key}:\\s*(\\w+)`, 'm').exec(status)?.[1],
    );
    check(
      `${name} runs as ${uid} without capabilities`,
      uid === String(USER.uid) && /^0+$/.test(capabilities) && noNewPrivileges === '1',
    );
    const write = sandbox.exec(['sh', '-c', ': > /etc/written']);
    check(`${name} cannot write to its root`, write.status !== 0 && write.stderr.includes('Read-only'));
  }
  const reach = (from, to, port) =>
    running.get(from).exec(['bash', '-c', `timeout 2 bash -c 'exec 3<>/dev/tcp/${to}/${port}'`]).status === 0;
  check('the edge reaches the broker', reach('edge', 'mosquitto', 8883));
  check('the edge reaches no database', !reach('edge', 'postgres', 5432));
  check('the broker reaches no database', !reach('mosquitto', networks.addressOf('postgres', 'servers'), 5432));

  // From the network of the broker, with a program of this machine: the certificate of a device is in no container.
  const publish = (device, values) => {
    const secret = (file) => path.join(directory, 'secrets', file);
    const args = ['-h', 'localhost', '-p', '8883', '-V', 'mqttv5', '-q', '1', '-t', `telemetry/${device}`];
    const how = ['--cafile', secret('ca.pem'), '--cert', secret(`${device}.pem`), '--key', secret(`${device}.key`)];
    const message = JSON.stringify({ ts: new Date().toISOString(), metrics: values });
    const namespace = ['-t', String(running.get('mosquitto').pid), '-n', '--'];
    run('nsenter', [...namespace, 'mosquitto_pub', ...args, ...how, '-m', message], { timeout: 10_000 });
  };
  const showsWhatIsPublished = async (when, node, device, asset, metric, value) => {
    const what = `${node} shows what ${device} published${when}`;
    const token = tokenOf(node);
    const shown = () => {
      publish(device, { [metric]: value });
      return get(node, `/api/v1/assets/${asset}`, token)?.values?.[metric] === value;
    };
    await until(what, SHOWN_WITHIN_MS, shown).then(
      () => check(what, true),
      (error) => check(error.message, false),
    );
  };
  await showsWhatIsPublished('', 'core-1', 'tank-radar', 'tank', 'level', 3.21);
  await showsWhatIsPublished('', 'core-2', 'tank-radar', 'tank', 'level', 3.45);
  await showsWhatIsPublished('', 'edge', 'pump-plc', 'pump', 'pressure', 4.56);
  await showsWhatIsPublished(' to the edge', 'core-1', 'pump-plc', 'pump', 'pressure', 4.78);
  const token = tokenOf('core-1');
  let health;
  await until('core-1 is well', SHOWN_WITHIN_MS, () => {
    health = get('core-1', '/api/v1/health', token);
    return health?.status === 'healthy';
  }).then(
    () => check('core-1 says that all is well', true),
    (error) => check(`${error.message}: ${JSON.stringify(health)}`, false),
  );
  await running.get('core-1').stop('SIGKILL');
  await showsWhatIsPublished(', core-1 killed', 'core-2', 'tank-radar', 'tank', 'level', 3.67);
  await showsWhatIsPublished(' to the edge, core-1 killed', 'core-2', 'pump-plc', 'pump', 'pressure', 4.89);
  await start('core-1');
  await showsWhatIsPublished(', started again', 'core-1', 'tank-radar', 'tank', 'level', 3.89);
}

function tokenOf(node) {
  const { command, environment } = compose.services[node];
  const { stdout, stderr, status } = running
    .get(node)
    .exec(
      [
        '/opt/signalbox/bin/signalbox.mjs',
        'token',
        'create',
        'rehearsal',
        '--role',
        'admin',
        ...command.slice(1),
        '--data',
        environment.SIGNALBOX_DATA_DIR,
      ],
      30_000,
    );
  if (status !== 0) throw new Error(`token on ${node}: ${stderr}`);
  return stdout.trim();
}

function get(node, route, token) {
  const address = networks.addressOf(node, 'front');
  const { stdout } = spawnSync(
    'curl',
    ['-s', '-m', '5', '-H', `authorization: Bearer ${token}`, `http://${address}:8080${route}`],
    { encoding: 'utf8' },
  );
  try {
    return JSON.parse(stdout);
  } catch {
    return undefined;
  }
}

async function until(what, withinMs, holds) {
  const endMs = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

function check(what, holds) {
  if (!holds) failed++;
  console.log(`${holds ? 'ok    ' : 'FAILED'} ${what}`);
}

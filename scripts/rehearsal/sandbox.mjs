// What an engine of containers does for a service, with what Linux has: a root folder that cannot be written to, a network of
// its own on bridges, a user without rights. Everything lives in name spaces of the caller and ends with it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';

/** As Docker mounts a tmpfs unless told otherwise. */
const TMPFS = ['rw', 'noexec', 'nosuid', 'nodev', 'mode=1777'];

export function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 120_000,
    ...options,
  });
  if (error || status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

/** A bridge for each network of the composition; addresses are 10.89.<network>.<service>. */
export class Networks {
  #names;
  #services;

  /** @param services name -> { networks } */
  constructor(names, services) {
    this.#names = names;
    this.#services = services;
    run('ip', ['link', 'set', 'lo', 'up']);
    names.forEach((_, i) => {
      run('ip', ['link', 'add', `net${i}`, 'type', 'bridge']);
      run('ip', ['addr', 'add', `10.89.${i}.254/24`, 'dev', `net${i}`]);
      run('ip', ['link', 'set', `net${i}`, 'up']);
    });
  }

  addressOf(service, network) {
    return `10.89.${this.#names.indexOf(network)}.${Object.keys(this.#services).indexOf(service) + 1}`;
  }

  /** Names that a service can look up: of those that share a network with it. */
  hostsFor(service) {
    const lines = ['127.0.0.1 localhost', '::1 localhost'];
    for (const [name, { networks }] of Object.entries(this.#services))
      for (const network of networks)
        if (this.#services[service].networks.includes(network)) lines.push(`${this.addressOf(name, network)} ${name}`);
    return `${lines.join('\n')}\n`;
  }

  /** Plugs the name space of a process in; gives the commands that the process has to run in it. */
  plugIn(service, pid) {
    const inside = ['ip link set lo up'];
    for (const network of this.#services[service].networks) {
      const [i, number] = [this.#names.indexOf(network), Object.keys(this.#services).indexOf(service)];
      const [outer, inner] = [`v${number}n${i}`, `eth${i}`];
      run('ip', ['link', 'add', outer, 'type', 'veth', 'peer', 'name', inner, 'netns', String(pid)]);
      run('ip', ['link', 'set', outer, 'master', `net${i}`, 'up']);
      inside.push(`ip addr add ${this.addressOf(service, network)}/24 dev ${inner}`, `ip link set ${inner} up`);
    }
    return inside;
  }
}

/** One service, once it was started. */
export class Sandbox {
  #name;
  #child;
  #user;
  #environment;
  #log;

  /**
   * @param service { root, folder, user, argv, environment, mounts: [{ source, target, writable }], tmpfs: [string] }
   */
  constructor(name, service, networks) {
    this.#name = name;
    this.#user = service.user;
    this.#environment = service.environment;
    this.#log = path.join(service.folder, `${name}.log`);
    this.#start(service, networks);
  }

  get log() {
    return fs.readFileSync(this.#log, 'utf8');
  }

  get ended() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get pid() {
    return this.#child.pid;
  }

  /** Runs a command beside the service, as `docker exec` does. */
  exec(argv, timeoutMs = 10_000) {
    return spawnSync(
      'nsenter',
      [...['-t', String(this.#child.pid), '-m', '-n', '-r', '-w', '--'], ...asUser(this.#user), ...argv],
      { encoding: 'utf8', timeout: timeoutMs, env: this.#environment },
    );
  }

  async stop(signal = 'SIGTERM', withinMs = 30_000) {
    if (this.ended) return { code: this.#child.exitCode, tookMs: 0, killed: false };
    const fromMs = performance.now();
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), withinMs);
    await ended;
    clearTimeout(timer);
    const { exitCode: code, signalCode } = this.#child;
    return { code, tookMs: Math.round(performance.now() - fromMs), killed: signalCode === 'SIGKILL' };
  }

  #start({ root, folder, user, argv, environment, mounts, tmpfs, before = [] }, networks) {
    const work = path.join(folder, 'work', this.#name);
    fs.mkdirSync(work, { recursive: true });
    const hosts = path.join(folder, `${this.#name}.hosts`);
    fs.writeFileSync(hosts, networks.hostsFor(this.#name), { mode: 0o644 });
    const log = fs.openSync(this.#log, 'a');
    const script = [
      'set -e',
      'echo unshared',
      // The caller plugs the network in and says how to set it up.
      'while read -r line && [ "$line" != go ]; do $line; done',
      'exec < /dev/null',
      `mount -t tmpfs tmpfs ${work}`,
      `mkdir ${work}/upper ${work}/work ${work}/root`,
      `mount -t overlay overlay -o lowerdir=${root},upperdir=${work}/upper,workdir=${work}/work ${work}/root`,
      `mount --rbind /dev ${work}/root/dev`,
      `mount --rbind /proc ${work}/root/proc`,
      ...tmpfs.flatMap((mount) => mountTmpfs(`${work}/root`, mount)),
      ...[...mounts, { source: hosts, target: '/etc/hosts', writable: false }].flatMap((mount) =>
        mountOne(`${work}/root`, mount),
      ),
      `mount -o remount,ro ${work}/root`,
      ...[...before, argv].map(
        (command, i, all) =>
          `${i === all.length - 1 ? 'exec ' : ''}chroot ${work}/root ${[...asUser(user), ...command].map(quoted).join(' ')}`,
      ),
    ].join('\n');
    this.#child = spawn('unshare', ['--net', '--mount', '--propagation', 'private', '/bin/bash', '-c', script], {
      stdio: ['pipe', 'pipe', log],
      env: environment,
    });
    fs.closeSync(log);
    this.#child.stdout.on('data', (text) => fs.appendFileSync(this.#log, text));
    this.#child.stdout.once('data', () => {
      const setUp = networks.plugIn(this.#name, this.#child.pid);
      this.#child.stdin.end(`${[...setUp, 'go'].join('\n')}\n`);
    });
  }
}

/** No rights, and no way to any. */
function asUser({ uid, gid }) {
  return [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    '--no-new-privs',
    '--bounding-set=-all',
    '--inh-caps=-all',
  ];
}

function mountTmpfs(root, mount) {
  const [target, given = ''] = mount.split(':');
  const options = given === '' ? [] : given.split(',');
  const kept = TMPFS.filter((option) => !(option === 'noexec' && options.includes('exec')));
  return [`mkdir -p ${root}${target}`, `mount -t tmpfs -o ${[...kept, ...options].join(',')} tmpfs ${root}${target}`];
}

function mountOne(root, { source, target, writable }) {
  const place = `${root}${target}`;
  const make = fs.statSync(source).isDirectory()
    ? `mkdir -p ${place}`
    : `mkdir -p ${path.dirname(place)}; [ -e ${place} ] || : > ${place}`;
  return [make, `mount --bind ${source} ${place}`, ...(writable ? [] : [`mount -o remount,bind,ro ${place}`])];
}

function quoted(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

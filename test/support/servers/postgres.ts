import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import pg from 'pg';
import { until } from '../condition.ts';
import { freePort } from '../mosquitto.ts';

const VERSIONS = '/usr/lib/postgresql';
/** Whom to run the server as, where we are root. */
const SERVER_USERS = ['postgres', 'nobody'];
const START_MS = 30_000;

/** Folder of the newest server that Debian's packages brought, or undefined without any. */
export function postgresBinaries(): string | undefined {
  if (!fs.existsSync(VERSIONS)) return undefined;
  const versions = fs.readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => path.join(VERSIONS, version, 'bin')).find((bin) => fs.existsSync(`${bin}/initdb`));
}

/** Why tests that need a server cannot run here; false where they can. */
export const NO_POSTGRES: string | false =
  postgresBinaries() === undefined
    ? `SKIPPED: PostgreSQL is not installed (nothing in ${VERSIONS}), so nothing that needs it was tested`
    : false;
if (NO_POSTGRES !== false) console.error(NO_POSTGRES);

/**
 * One server for a test file, started when its first test asks for it. Where PostgreSQL is not installed the tests of the
 * file are not run, and said to be skipped.
 */
export class SharedPostgres {
  readonly #options: PostgresServerOptions;
  #server: Promise<PostgresServer> | undefined;

  constructor(options: PostgresServerOptions = {}) {
    this.#options = options;
    after(async () => (await this.#server)?.remove());
  }

  /** For the options of a test: why it cannot run here. */
  get skip(): string | false {
    return NO_POSTGRES;
  }

  server(): Promise<PostgresServer> {
    this.#server ??= PostgresServer.start(this.#options);
    return this.#server;
  }

  /** A database of this test alone; its URL. */
  async database(): Promise<string> {
    return (await this.server()).newDatabase();
  }
}

export interface PostgresServerOptions {
  /** `on` unless said otherwise: what is acknowledged is on the disk. */
  readonly fsync?: 'on' | 'off';
  readonly settings?: Readonly<Record<string, string>>;
  /** An empty folder for its write-ahead log, which it keeps in segments of 1 MB there. */
  readonly walDir?: string;
}

/** A server of the test's own, on a free port of the loopback interface, that can be killed and started again with what it has. */
export class PostgresServer {
  readonly port: number;
  readonly #bin: string;
  readonly #dir: string;
  readonly #settings: Readonly<Record<string, string>>;
  #process: ChildProcess | undefined;
  #databases = 0;

  private constructor(bin: string, dir: string, port: number, settings: Readonly<Record<string, string>>) {
    this.#bin = bin;
    this.#dir = dir;
    this.port = port;
    this.#settings = settings;
  }

  static async start({ fsync = 'on', settings = {}, walDir }: PostgresServerOptions = {}): Promise<PostgresServer> {
    const bin = postgresBinaries();
    if (bin === undefined) throw new Error('PostgreSQL is not installed');
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'signalbox-postgres-'));
    const identity = serverIdentity();
    const { uid, gid } = identity;
    if (uid !== undefined && gid !== undefined)
      for (const own of [dir, walDir]) if (own !== undefined) fs.chownSync(own, uid, gid);
    try {
      // Sorted by the rules of a language, as many servers are: what the product sorts by bytes it has to say so.
      const locale = ['--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=en-US'];
      const initdb = [
        '-D',
        path.join(dir, 'data'),
        '-U',
        'signalbox',
        '-E',
        'UTF8',
        '-A',
        'trust',
        '--no-sync',
        ...locale,
        ...(walDir === undefined ? [] : ['-X', walDir, '--wal-segsize=1']),
      ];
      execFileSync(path.join(bin, 'initdb'), initdb, { ...identity, cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
      const server = new PostgresServer(bin, dir, await freePort(), { fsync, ...settings });
      await server.restart();
      return server;
    } catch (error) {
      fs.rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  /** Starts it, on the port that it had. */
  async restart(): Promise<void> {
    const settings = {
      port: String(this.port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: this.#dir,
      max_connections: '60',
      shared_buffers: '32MB',
      ...this.#settings,
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const log = fs.openSync(path.join(this.#dir, 'server.log'), 'a');
    this.#process = spawn(path.join(this.#bin, 'postgres'), ['-D', path.join(this.#dir, 'data'), ...args], {
      ...serverIdentity(),
      cwd: this.#dir,
      stdio: ['ignore', log, log],
    });
    fs.closeSync(log);
    // A test that ends half-way leaves no server behind.
    const child = this.#process;
    const end = () => child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    await until('PostgreSQL answers', () => this.#answers(), START_MS);
  }

  /** SIGKILL as a crash; SIGINT closes connections and stops in good order. */
  async kill(signal: 'SIGKILL' | 'SIGINT' = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
    // Processes of the server notice that their parent is gone, and keep its memory and port until then.
    if (signal === 'SIGKILL') await until('its processes are gone', () => !this.#isInUse());
  }

  /** It has ended by itself. */
  get hasEnded(): boolean {
    return this.#process !== undefined && (this.#process.exitCode !== null || this.#process.signalCode !== null);
  }

  /** What it has written to its log. */
  get log(): string {
    return fs.readFileSync(path.join(this.#dir, 'server.log'), 'utf8');
  }

  url(database = 'postgres'): string {
    return `postgres://signalbox@127.0.0.1:${this.port}/${database}`;
  }

  socketUrl(database = 'postgres'): string {
    return `postgres://signalbox@${encodeURIComponent(this.#dir)}:${this.port}/${database}`;
  }

  async newDatabase(): Promise<string> {
    const name = `test_${++this.#databases}`;
    await this.query(`create database ${name}`);
    return this.url(name);
  }

  /** One statement as the owner of the server, on a connection of its own. */
  async query(text: string, parameters: readonly unknown[] = [], url = this.url()): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    try {
      const { rows } = await client.query(text, [...parameters]);
      return rows;
    } finally {
      await client.end();
    }
  }

  async remove(): Promise<void> {
    await this.kill('SIGINT');
    fs.rmSync(this.#dir, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${this.log}`);
    return this.query('select 1').then(
      () => true,
      () => false,
    );
  }

  /** A process of a dead server still has the shared memory that the next one would refuse to share. */
  #isInUse(): boolean {
    const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.some((pid) => {
      try {
        return fs.readlinkSync(`/proc/${pid}/cwd`).startsWith(path.join(this.#dir, 'data'));
      } catch {
        return false;
      }
    });
  }
}

/** The user that the server runs as: it does not as root. */
export function serverIdentity(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  for (const user of SERVER_USERS) {
    try {
      const id = (what: '-u' | '-g') =>
        Number(execFileSync('id', [what, user], { stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // Not a user of this machine.
    }
  }
  throw new Error(`PostgreSQL does not run as root, and none of ${SERVER_USERS.join(', ')} is a user here`);
}

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { type ConnectionOptions, connect } from 'nats';
import { until } from '../condition.ts';
import { freePort } from '../mosquitto.ts';
import { suspend } from '../suspended.ts';
import { tempDir } from '../temp-dir.ts';

const PROGRAM = 'nats-server';

/** Why tests that need a server cannot run here; false where they can. For the `skip` of a test. */
export const noNats: string | false = spawnSync(PROGRAM, ['--version']).error
  ? `SKIPPED: there is no ${PROGRAM} on this machine, so nothing that needs NATS was tested`
  : false;
if (noNats !== false) console.error(noNats);

export interface NatsServerOptions {
  /** Further lines of its configuration: authorization, leafnodes, cluster … */
  readonly config?: string;
  /** Without it there is JetStream, in a folder of the test's own. */
  readonly jetStream?: boolean;
  /** Of its JetStream, where leaf nodes have theirs. */
  readonly domain?: string;
  /** To connect with while waiting for it to be ready, where it asks for that. */
  readonly credentials?: Pick<ConnectionOptions, 'user' | 'pass' | 'authenticator' | 'tls'>;
  readonly port?: number;
}

/** A nats-server of the test's own, on a free port, that can be killed and started again with what it had stored. */
export class NatsServer {
  readonly port: number;
  readonly #options: NatsServerOptions;
  readonly #folder = tempDir('nats');
  #process: ChildProcess | undefined;
  #said = '';

  private constructor(port: number, options: NatsServerOptions) {
    this.port = port;
    this.#options = options;
  }

  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = new NatsServer(options.port ?? (await freePort()), options);
    await server.restart();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Starts it on what it had stored; resolves when it takes connections, with JetStream when that is on. */
  async restart(): Promise<void> {
    const { config = '', jetStream = true, domain } = this.#options;
    const file = path.join(this.#folder.dir, 'nats.conf');
    const of = domain === undefined ? '' : `, domain: ${domain}`;
    const lines = [
      `listen: 127.0.0.1:${this.port}`,
      jetStream ? `jetstream { store_dir: ${JSON.stringify(path.join(this.#folder.dir, 'store'))}${of} }` : '',
      config,
    ];
    fs.writeFileSync(file, `${lines.join('\n')}\n`);
    const child = spawn(PROGRAM, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    this.#said = '';
    child.stderr.on('data', (text: Buffer) => {
      this.#said = (this.#said + text.toString()).slice(-4000);
    });
    await until(`nats-server is ready: ${this.#said}`, () => this.#isReady(child), 20_000);
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    // One that was suspended ends only when it goes on.
    child.kill('SIGCONT');
    await gone;
  }

  /** Takes everything and answers nothing, as a machine does that hangs. */
  suspend(): void {
    const pid = this.#process?.pid;
    if (pid !== undefined) suspend(pid);
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  /** What it has stored, kept aside; it must not run. Returns how to put that back. */
  copyStore(): () => void {
    const [store, copy] = ['store', 'copy'].map((name) => path.join(this.#folder.dir, name));
    if (store === undefined || copy === undefined) throw new Error('no folder');
    fs.cpSync(store, copy, { recursive: true });
    return () => {
      fs.rmSync(store, { recursive: true });
      fs.renameSync(copy, store);
    };
  }

  /** Ends it and removes what it stored. */
  async remove(): Promise<void> {
    await this.kill();
    this.#folder.remove();
  }

  async #isReady(child: ChildProcess): Promise<boolean> {
    if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}: ${this.#said}`);
    try {
      const connection = await connect({
        servers: `127.0.0.1:${this.port}`,
        reconnect: false,
        timeout: 2000,
        ...this.#options.credentials,
      });
      try {
        if (this.#options.jetStream !== false) await connection.jetstreamManager();
        return true;
      } finally {
        await connection.close();
      }
    } catch {
      return false;
    }
  }
}

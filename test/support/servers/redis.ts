import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { Redis } from 'ioredis';
import { until } from '../condition.ts';
import { freePort } from '../mosquitto.ts';
import { suspend } from '../suspended.ts';
import { tempDir } from '../temp-dir.ts';

const PROGRAM = 'redis-server';

/** Why tests that need a server cannot run here; false where they can. For the `skip` of a test. */
export const noRedis: string | false = spawnSync(PROGRAM, ['--version']).error
  ? `SKIPPED: there is no ${PROGRAM} on this machine, so nothing that needs Redis was tested`
  : false;
if (noRedis !== false) console.error(noRedis);

/** A redis-server of the test's own, on a free port, that keeps nothing and can be killed and started again. */
export class RedisServer {
  readonly port: number;
  readonly #password: string | undefined;
  readonly #folder = tempDir('redis');
  #process: ChildProcess | undefined;
  #said = '';

  private constructor(port: number, password: string | undefined) {
    this.port = port;
    this.#password = password;
  }

  static async start({ password }: { readonly password?: string } = {}): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), password);
    await server.restart();
    return server;
  }

  get url(): string {
    const logIn = this.#password === undefined ? '' : `:${encodeURIComponent(this.#password)}@`;
    return `redis://${logIn}127.0.0.1:${this.port}`;
  }

  /** Empty; resolves when it answers. */
  async restart(): Promise<void> {
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder.dir, '--save', ''];
    if (this.#password !== undefined) args.push('--requirepass', this.#password);
    const child = spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    this.#said = '';
    const listen = (text: Buffer) => {
      this.#said = (this.#said + text.toString()).slice(-4000);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    await until('redis-server answers', () => this.#answers(child), 20_000);
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
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

  /** A client of the test's own, to look at what is there. */
  client(): Redis {
    return new Redis(this.url, { lazyConnect: true, retryStrategy: () => null });
  }

  async remove(): Promise<void> {
    await this.kill();
    this.#folder.remove();
  }

  async #answers(child: ChildProcess): Promise<boolean> {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}: ${this.#said}`);
    const client = this.client();
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.ping()) === 'PONG';
    } catch {
      return false;
    } finally {
      client.disconnect();
    }
  }
}

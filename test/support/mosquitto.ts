import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { until } from './condition.ts';

/** A mosquitto of the test's own, on a free port, that can be killed and started again with what it had stored. */
export class Mosquitto {
  readonly port: number;
  readonly #dir: string;
  readonly #lines: readonly string[];
  #process: ChildProcess | null = null;

  private constructor(dir: string, port: number, lines: readonly string[]) {
    this.#dir = dir;
    this.port = port;
    this.#lines = lines;
  }

  static async start(dir: string, lines: readonly string[] = []): Promise<Mosquitto> {
    const broker = new Mosquitto(dir, await freePort(), lines);
    await broker.restart();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async restart(): Promise<void> {
    const file = path.join(this.#dir, 'mosquitto.conf');
    const config = [
      `listener ${this.port} 127.0.0.1`,
      'allow_anonymous true',
      'persistence true',
      `persistence_location ${this.#dir}/`,
      'autosave_on_changes true',
      'autosave_interval 1',
      'max_queued_messages 0',
      'user root',
      ...this.#lines,
    ];
    fs.writeFileSync(file, `${config.join('\n')}\n`);
    this.#process = spawn('mosquitto', ['-c', file], { stdio: 'ignore' });
    await until('mosquitto listens', () => accepts(this.port));
  }

  /** @param signal SIGKILL loses what was not saved; SIGTERM saves first */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }
}

/** Publishes as a program of its own, at QoS 1; resolves when the broker has acknowledged. */
export function mosquittoPub(
  port: number,
  topic: string,
  payload: string,
  more: readonly string[] = [],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const args = ['-h', '127.0.0.1', '-p', String(port), '-q', '1', '-t', topic, '-m', payload, ...more];
    const child = spawn('mosquitto_pub', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data: Buffer) => {
      said += data.toString();
    });
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`mosquitto_pub ended with ${code}: ${said}`)),
    );
  });
}

export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

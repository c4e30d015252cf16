import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { QUESTDB_JAR } from '../../../scripts/questdb.mjs';
import { until } from '../condition.ts';
import { freePort } from '../mosquitto.ts';
import { suspend } from '../suspended.ts';

/** Why tests that need QuestDB cannot run here; false where they can. */
export function withoutQuestDb(): string | false {
  if (!fs.existsSync(QUESTDB_JAR)) return 'QuestDB is not here: npm test fetches it where java and mvn are installed';
  return spawnSync('java', ['-version'], { stdio: 'ignore' }).status === 0 ? false : 'java is not installed';
}

const ONE_PORT = ['http.min.enabled=false', 'pg.enabled=false', 'line.tcp.enabled=false', 'telemetry.enabled=false'];
/** Small pages and few threads: the defaults take a gigabyte for a handful of tables. */
const SMALL = [
  'shared.worker.count=2',
  'cairo.o3.column.memory.size=256k',
  'cairo.writer.data.append.page.size=256k',
  'cairo.wal.writer.data.append.page.size=256k',
  'cairo.writer.data.index.key.append.page.size=64k',
  'cairo.writer.data.index.value.append.page.size=64k',
];

/** A QuestDB of the test's own, on a free port, that can be killed and started again with what it had stored. */
export class QuestDb {
  readonly port: number;
  readonly #dir: string;
  readonly #size: 'small' | 'usual';
  #process: ChildProcess | null = null;

  private constructor(dir: string, port: number, size: 'small' | 'usual') {
    this.#dir = dir;
    this.port = port;
    this.#size = size;
  }

  /** @param size `usual`: with the server's own defaults, for measurements */
  static async start(dir: string, size: 'small' | 'usual' = 'small'): Promise<QuestDb> {
    const server = new QuestDb(path.join(dir, 'questdb'), await freePort(), size);
    await server.restart();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async restart(): Promise<void> {
    const conf = path.join(this.#dir, 'conf');
    fs.mkdirSync(conf, { recursive: true });
    const settings = [`http.bind.to=127.0.0.1:${this.port}`, ...ONE_PORT, ...(this.#size === 'small' ? SMALL : [])];
    fs.writeFileSync(path.join(conf, 'server.conf'), `${settings.join('\n')}\n`);
    this.#process = spawn(
      'java',
      [
        ...(this.#size === 'small'
          ? ['-Xms64m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
          : ['-Xmx2g']),
        ...['-p', QUESTDB_JAR, '-m', 'io.questdb/io.questdb.ServerMain', '-d', this.#dir],
      ],
      { stdio: 'ignore' },
    );
    await until('QuestDB answers', () => this.#answers(), 60_000);
  }

  /** Rows of a question, as JSON has them. */
  async query(sql: string): Promise<unknown[][]> {
    const response = await fetch(`${this.url}/exec?nm=true&query=${encodeURIComponent(sql)}`);
    const body: unknown = await response.json();
    if (typeof body !== 'object' || body === null) throw new Error(`QuestDB answers ${String(body)}`);
    if ('error' in body) throw new Error(`QuestDB: ${String(body.error)}`);
    return 'dataset' in body && Array.isArray(body.dataset) ? body.dataset : [];
  }

  /** @param signal SIGKILL as a crash; SIGTERM in good order */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  /** Stopped in the middle, with its port open: it takes connections and never answers. */
  pause(): void {
    const pid = this.#process?.pid;
    if (pid !== undefined) suspend(pid);
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  async #answers(): Promise<boolean> {
    if (this.#process?.exitCode !== null) throw new Error('QuestDB has ended at its start');
    try {
      await this.query('select 1');
      return true;
    } catch {
      return false;
    }
  }
}

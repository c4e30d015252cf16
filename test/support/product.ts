import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { until } from './condition.ts';
import { ROOT } from './places.ts';

/** PRODUCT_DIR: another built product than that of this checkout. */
const BIN = path.join(process.env.PRODUCT_DIR ?? ROOT, 'bin', 'signalbox.mjs');
const START_WITHIN_MS = 60_000;

export interface ProductOptions {
  readonly dataDir: string;
  /** Without it the demo plant runs. */
  readonly topology?: string;
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Of a plant whose first key another node has printed. */
  readonly key?: string;
  /** More than a minute where it starts on more than a test would have. */
  readonly startWithinMs?: number;
}

/** The product as people run it: a process of its own, from the build, which can be killed and started again. */
export class Product {
  readonly #options: ProductOptions;
  #child: ChildProcess | undefined;
  #port = 0;
  #key: string | undefined;
  #starts = 0;
  /** What the present process has printed. */
  stdout = '';
  stderr = '';

  private constructor(options: ProductOptions) {
    this.#options = options;
    this.#key = options.key;
  }

  static async start(options: ProductOptions): Promise<Product> {
    const product = new Product(options);
    await product.restart();
    return product;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get starts(): number {
    return this.#starts;
  }

  /** The first key, from the first start. */
  get key(): string {
    if (this.#key === undefined) throw new Error('the product has not printed a key');
    return this.#key;
  }

  get running(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Starts a process on the same folder. Resolves when it says where the wall is. */
  async restart(...more: readonly string[]): Promise<void> {
    const { dataDir, topology, args = [], environment = {}, startWithinMs = START_WITHIN_MS } = this.#options;
    const where = topology === undefined ? [] : ['--topology', topology];
    this.stdout = this.stderr = '';
    const child = run(['start', '--data', dataDir, '--port', '0', ...where, ...args, ...more], environment);
    this.#child = child;
    this.#starts++;
    child.stdout?.on('data', (text: Buffer) => {
      this.stdout += text;
    });
    child.stderr?.on('data', (text: Buffer) => {
      this.stderr += text;
    });
    await until(
      'the product is live',
      () => {
        if (!this.running) throw new Error(`the product ended (${child.exitCode}): ${this.stdout}${this.stderr}`);
        return this.stdout.includes('Ctrl-C stops.');
      },
      startWithinMs,
    );
    const [, port, key] = /http:\/\/[^\s/]+:(\d+)\/(?:#key=(\S+))?/.exec(this.stdout) ?? [];
    this.#port = Number(port);
    this.#key ??= key;
  }

  /** As a loss of power: nothing is drained. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** As an operator does. */
  async stop(
    signal: 'SIGINT' | 'SIGTERM' = 'SIGTERM',
  ): Promise<{ readonly code: number | null; readonly tookMs: number }> {
    const fromMs = performance.now();
    const code = await this.#end(signal);
    return { code, tookMs: performance.now() - fromMs };
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || !this.running) return child?.exitCode ?? null;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    return child.exitCode;
  }

  /** A request to the API with the first key, or another token. */
  async request<T = unknown>(
    method: string,
    route: string,
    options: {
      readonly body?: object;
      readonly commandId?: string;
      readonly token?: string;
      readonly timeoutMs?: number;
    } = {},
  ): Promise<ApiAnswer<T>> {
    const { body, commandId, token = this.key, timeoutMs = 15_000 } = options;
    const response = await fetch(`${this.url}/api/v1${route}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(commandId !== undefined && { 'idempotency-key': commandId }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const { ok, status } = response;
    // The shape of answers is held to the published schema in a test of its own; here callers say what they expect.
    return { ok, status, body: await response.json() } as ApiAnswer<T>;
  }

  /** The answer to a question that has to succeed. */
  async get<T>(route: string): Promise<T> {
    const { ok, status, body } = await this.request<T>('GET', route);
    if (!ok) throw new Error(`GET ${route}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  /** Every item of a list, page by page. */
  async list<T>(route: string): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const next: string =
        cursor === '' ? '' : `${route.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`;
      const page: { items: T[]; next: string | null } = await this.get(`${route}${next}`);
      items.push(...page.items);
      cursor = page.next;
    }
    return items;
  }
}

/** What was asked for, or the one shape of errors. */
export type ApiAnswer<T> =
  | { readonly ok: true; readonly status: number; readonly body: T }
  | { readonly ok: false; readonly status: number; readonly body: { readonly error: ApiError } };

export interface ApiError {
  readonly code: string;
  readonly message: string;
  readonly field?: string;
  readonly requestId: string;
}

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function signalbox(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  const child = run(args, environment);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (text: Buffer) => {
    stdout += text;
  });
  child.stderr?.on('data', (text: Buffer) => {
    stderr += text;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), START_WITHIN_MS);
  await once(child, 'close');
  clearTimeout(timer);
  return { code: child.exitCode, stdout, stderr };
}

/** Begins a command, for tests that end it themselves. */
export function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): ChildProcess {
  const clean = Object.entries(process.env).filter(([name]) => !/^(SIGNALBOX|SIMULATOR|NODE_TEST)_/.test(name));
  const env = { ...Object.fromEntries(clean), SIGNALBOX_LOG_LEVEL: 'fatal', ...environment };
  const child = spawn(process.execPath, [BIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  // A test that fails half-way leaves nothing running.
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  return child;
}

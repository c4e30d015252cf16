import { parentPort, type Transferable, Worker } from 'node:worker_threads';
import { codeOf, ErrorWithCode, messageOf } from '../errors.ts';

/**
 * Calls between the main thread and a worker that owns a database. SQLite answers synchronously and a commit waits for the
 * disk, so no database is ever touched by the thread that talks to devices and people.
 */

/** What a worker serves: parts, each with methods. */
export type Parts = { readonly [part: string]: object };

/** An answer whose buffers go over to the caller's thread: not copied there, and no garbage here, where little else calls for a collection. */
export class HandedOver {
  readonly value: unknown;
  readonly buffers: readonly ArrayBuffer[];

  constructor(value: unknown, buffers: readonly ArrayBuffer[]) {
    this.value = value;
    this.buffers = buffers;
  }
}

interface Call {
  readonly id: number;
  readonly part: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'value'; readonly id: number; readonly value: unknown }
  | {
      readonly kind: 'error';
      readonly id: number | null;
      readonly code: string;
      readonly message: string;
      readonly retryable: boolean;
    };

/** Runs in the worker: opens what it serves, says so, and answers calls until it is told to close. */
export async function serve(
  open: () => Promise<{ readonly parts: Parts; close(): Promise<void> | void }>,
): Promise<void> {
  const port = parentPort;
  if (!port) throw new Error('this file is started as a worker');
  const say = (answer: Answer) => {
    if (answer.kind !== 'value' || !(answer.value instanceof HandedOver)) return port.postMessage(answer);
    const { value, buffers } = answer.value;
    port.postMessage({ ...answer, value }, buffers);
  };
  try {
    const { parts, close } = await open();
    port.on('message', (message: Call | 'close') => {
      if (message === 'close') {
        // Whatever a store could not write at the end it has from its log again at the next start.
        void (async () => close())().then(
          () => port.close(),
          () => port.close(),
        );
        return;
      }
      void answer(parts, message).then(say);
    });
    say({ kind: 'ready' });
  } catch (error) {
    say(failure(null, error));
    port.close();
  }
}

async function answer(parts: Parts, { id, part, method, args }: Call): Promise<Answer> {
  try {
    const target = parts[part];
    const member: unknown = target && Reflect.get(target, method);
    if (typeof member !== 'function') throw new TypeError(`the worker has no ${part}.${method}`);
    return { kind: 'value', id, value: await member.apply(target, args) };
  } catch (error) {
    return failure(id, error);
  }
}

function failure(id: number | null, error: unknown): Answer {
  const retryable = error instanceof ErrorWithCode ? error.retryable : true;
  return { kind: 'error', id, code: codeOf(error) ?? 'STORE_FAILED', message: messageOf(error), retryable };
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** The main thread's end of a worker. */
export class WorkerClient {
  readonly #worker: Worker;
  readonly #name: string;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #lost: ErrorWithCode | undefined;
  #nextId = 1;

  private constructor(worker: Worker, name: string) {
    this.#worker = worker;
    this.#name = name;
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#fail(new ErrorWithCode('STORE_CLOSED', `the ${name} worker has ended`));
        resolve();
      });
    });
    worker.on('error', (error) => {
      this.#fail(new ErrorWithCode('STORE_LOST', `the ${name} worker failed: ${messageOf(error)}`, { cause: error }));
    });
  }

  /**
   * Starts a worker and waits until it serves.
   * @param url the worker's file without its ending; the ending is that of `from`, so that it is found in the sources and in the build
   */
  static async start(name: string, url: string, from: string, workerData: unknown): Promise<WorkerClient> {
    const client = new WorkerClient(
      new Worker(new URL(`${url}${from.endsWith('.ts') ? '.ts' : '.js'}`, from), { workerData, name }),
      name,
    );
    await client.#ready();
    return client;
  }

  #ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.set(0, { resolve: () => resolve(), reject });
      this.#worker.on('message', (message: Answer) => this.#receive(message));
    });
  }

  #receive(message: Answer): void {
    const id = message.kind === 'ready' ? 0 : (message.id ?? 0);
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (!pending) return;
    if (message.kind === 'error') {
      pending.reject(new ErrorWithCode(message.code, message.message, { retryable: message.retryable }));
    } else {
      pending.resolve(message.kind === 'value' ? message.value : undefined);
    }
  }

  #fail(error: ErrorWithCode): void {
    this.#lost ??= error;
    for (const pending of this.#pending.values()) pending.reject(this.#lost);
    this.#pending.clear();
  }

  call(
    part: string,
    method: string,
    args: readonly unknown[],
    transfer: readonly Transferable[] = [],
  ): Promise<unknown> {
    if (this.#lost) return Promise.reject(this.#lost);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      try {
        this.#worker.postMessage({ id, part, method, args } satisfies Call, transfer);
      } catch (error) {
        this.#pending.delete(id);
        reject(new ErrorWithCode('STORE_FAILED', messageOf(error), { cause: error, retryable: false }));
      }
    });
  }

  /** Waits for the calls under way, closes the database and ends the worker. */
  async close(): Promise<void> {
    if (!this.#lost) this.#worker.postMessage('close');
    this.#lost ??= new ErrorWithCode('STORE_CLOSED', `the ${this.#name} store is closed`);
    await this.#exited;
  }
}

/**
 * A part of a worker as an object of its own type. The methods are listed as keys so that the compiler finds a missing one.
 */
export function remote<Part extends object>(
  client: WorkerClient,
  part: string,
  methods: { readonly [Method in keyof Part & string]: true },
): Part {
  const object: Record<string, (...args: unknown[]) => Promise<unknown>> = {};
  for (const method of Object.keys(methods)) object[method] = (...args) => client.call(part, method, args);
  // The worker serves the same interface: both ends are written against `Part`.
  return object as Part;
}

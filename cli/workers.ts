import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Failure, reportFailure } from './failure.ts';
import { hasSeat } from './seat.ts';
import { settingsOf } from './settings.ts';
import { takeFreePorts } from './simulator-ports.ts';
import { startSimulators } from './simulators.ts';
import { HAND_OVER_WITHIN_MS, type StartOptions } from './start.ts';
import { demoFile, readPlant } from './topology.ts';

const MAX_WORKERS = 64;
const MIN_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 30_000;
/** A worker that has run for so long begins with the shortest pause again. */
const CALM_MS = 60_000;

interface Worker {
  readonly node: string;
  readonly arguments: readonly string[];
  process: ChildProcess | undefined;
}

/**
 * `signalbox start --workers N`: nodes of one cell as processes of this machine, each with a name, a folder and a port of its
 * own. One that ends by itself is started again; a signal to this process reaches all of them.
 */
export function startWorkers(number: string, options: StartOptions): Promise<void> {
  return reportFailure(() => runWorkers(Number(number), options));
}

async function runWorkers(count: number, options: StartOptions): Promise<void> {
  const settings = settingsOf(options);
  if (!Number.isInteger(count) || count < 1 || count > MAX_WORKERS)
    throw new Failure(`signalbox: --workers reads a number from 1 to ${MAX_WORKERS}`);
  if (!hasSeat(settings))
    throw new Failure(
      'signalbox: several nodes share a database and a log: set DATABASE_URL and NATS_URL for --workers',
    );
  const simulators = settings.TOPOLOGY === undefined && options.simulators;
  // Whichever worker drives them: the simulators are nobody's, and their ports are known to all.
  const moved = simulators ? (await takeFreePorts(() => readPlant(demoFile()), process.env)).moved : [];
  const field = simulators ? startSimulators() : undefined;
  const workers = namesFrom(settings.NODE, count).map((node, index) => ({
    node,
    arguments: [
      'start',
      ...['--node', node],
      ...['--data', path.join(settings.DATA_DIR, node)],
      ...['--port', String(settings.PORT === 0 ? 0 : settings.PORT + index)],
      ...(options.topology === undefined ? [] : ['--topology', options.topology]),
      ...(options.host === undefined ? [] : ['--host', options.host]),
      ...(options.config === undefined ? [] : ['--config', options.config]),
      '--no-simulators',
    ],
    process: undefined,
  }));
  for (const line of moved) console.log(line);
  const stopping = new AbortController();
  const onSignal = () => {
    if (stopping.signal.aborted) process.exit(1);
    stopping.abort();
    console.log('Stopping …');
    for (const worker of workers) stop(worker);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  await field?.ready;
  await Promise.all(workers.map((worker) => keepUp(worker, stopping.signal)));
  field?.stop();
}

/** `core-1` and the numbers after it, or a number after whatever else the first is called. */
export function namesFrom(first: string, count: number): string[] {
  const { stem = first, number = '1' } = /^(?<stem>.*)-(?<number>\d+)$/.exec(first)?.groups ?? {};
  return Array.from({ length: count }, (_, index) => `${stem}-${Number(number) + index}`);
}

async function keepUp(worker: Worker, stopping: AbortSignal): Promise<void> {
  let pauseMs = MIN_PAUSE_MS;
  while (!stopping.aborted) {
    const startedMs = performance.now();
    const how = await run(worker);
    if (stopping.aborted) return;
    if (performance.now() - startedMs > CALM_MS) pauseMs = MIN_PAUSE_MS;
    console.error(`signalbox: ${worker.node} ended (${how}); it is started again in ${Math.round(pauseMs / 1000)} s`);
    await delay(pauseMs, undefined, { signal: stopping }).catch(() => undefined);
    pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
  }
}

/** Resolves with how it ended. */
function run(worker: Worker): Promise<string> {
  const [, script = ''] = process.argv;
  const child = spawn(process.execPath, [...process.execArgv, script, ...worker.arguments], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A Ctrl-C in the terminal goes to this process alone, which tells the others once.
    detached: true,
  });
  worker.process = child;
  say(worker.node, child.stdout, process.stdout);
  say(worker.node, child.stderr, process.stderr);
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => {
      worker.process = undefined;
      resolve(signal ?? `exit code ${code}`);
    });
  });
}

function stop({ process: child }: Worker): void {
  if (child === undefined) return;
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), HAND_OVER_WITHIN_MS + 1000).unref();
}

/** Line by line, so that what two say at once stays readable. */
function say(node: string, from: NodeJS.ReadableStream, to: NodeJS.WritableStream): void {
  createInterface({ input: from }).on('line', (line) => {
    // Structured lines name their node themselves.
    to.write(line.startsWith('{') ? `${line}\n` : `${node} | ${line}\n`);
  });
}

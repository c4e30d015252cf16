import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

const READY_WITHIN_MS = 10_000;

/** The field of the demo plant, in a process of its own: what we measure and what we read are never the same program. */
export function startSimulators(): { readonly ready: Promise<void>; stop(): void } {
  const file = fileURLToPath(new URL(`../simulators/main.${EXTENSION}`, import.meta.url));
  const child = fork(file, [], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  let stopped = false;
  const ready = new Promise<void>((resolve) => {
    // Without a field the plant runs all the same, and shows its devices as lost.
    const timer = setTimeout(resolve, READY_WITHIN_MS);
    child.stdout?.on('data', (text: Buffer) => {
      if (!text.includes('simulators ready')) return;
      clearTimeout(timer);
      resolve();
    });
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve();
      if (!stopped)
        console.error(`signalbox: the simulators ended (${code ?? 'killed'}); the demo plant goes on without a field`);
    });
  });
  child.on('error', (error) => {
    if (!stopped) console.error(`signalbox: the simulators do not start: ${error.message}`);
  });
  return {
    ready,
    stop() {
      stopped = true;
      child.kill('SIGTERM');
    },
  };
}

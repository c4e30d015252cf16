import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ErrorWithCode } from '../runtime/errors.ts';

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

/** The field of the demo plant, in a process of its own: what we measure and what we read are never the same program. */
export function startSimulators(): { stop(): void } {
  const file = fileURLToPath(new URL(`../simulators/main.${EXTENSION}`, import.meta.url));
  const child = fork(file, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let stopped = false;
  child.on('error', (error) => {
    if (!stopped) console.error(`signalbox: ${new ErrorWithCode('SIMULATORS', error.message).message}`);
  });
  child.on('exit', (code) => {
    if (!stopped)
      console.error(`signalbox: the simulators ended (${code ?? 'killed'}); the demo plant goes on without a field`);
  });
  return {
    stop() {
      stopped = true;
      child.kill('SIGTERM');
    },
  };
}

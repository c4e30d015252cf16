import fs from 'node:fs';

const LOOK_MS = 1;
/** Stopped, or ended. */
const STILL = ['T', 'Z', 'X'];

/**
 * Suspends a process, and returns when it stands still. The signal alone says little: each of its threads goes on until it is its
 * turn to notice, which on a busy machine is long enough to answer.
 */
export function suspend(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  while (!threadsOf(pid).every((state) => STILL.includes(state))) Atomics.wait(sleep, 0, 0, LOOK_MS);
}

/** States of its threads, as `proc(5)` names them. One that has ended meanwhile stands still too. */
function threadsOf(pid: number): string[] {
  return fs.readdirSync(`/proc/${pid}/task`).map((thread) => {
    try {
      const stat = fs.readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
    } catch {
      return 'X';
    }
  });
}

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

const MEMORY_BYTES = 1024 ** 3;
const CPU_QUOTA = 0.5 * 2;

/** What an edge has to do with, in MB. */
export const BAR_MB = 350;

/** The small machine of an edge, by cgroups: 1 GB of memory, and two cores of which it gets half each. */
export class Box {
  readonly #groups: readonly string[];
  readonly #isLimited: boolean;

  /** @param name of its groups, beside the number of this process */
  constructor(name: string) {
    this.#groups = ['memory', 'cpu'].map((controller) => `/sys/fs/cgroup/${controller}/${name}-${process.pid}`);
    this.#isLimited = this.#limit();
  }

  /** Its limits in words, or that it has none. */
  get words(): string {
    return this.#isLimited ? 'limits: 1 GB, two half cores' : 'no limits: no cgroups here, or not root';
  }

  /** Begin of a line of a shell, with which what follows in it runs in the box. */
  get enter(): string {
    return this.#isLimited ? this.#groups.map((group) => `echo $$ > ${group}/cgroup.procs &&`).join(' ') : '';
  }

  /** Nothing must run in it any more. */
  remove(): void {
    if (this.#isLimited) for (const group of this.#groups) fs.rmdirSync(group);
  }

  #limit(): boolean {
    try {
      for (const group of this.#groups) fs.mkdirSync(group);
      const [memory = '', cpu = ''] = this.#groups;
      fs.writeFileSync(`${memory}/memory.limit_in_bytes`, String(MEMORY_BYTES));
      fs.writeFileSync(`${cpu}/cpu.cfs_period_us`, '100000');
      fs.writeFileSync(`${cpu}/cpu.cfs_quota_us`, String(100_000 * CPU_QUOTA));
      return true;
    } catch {
      return false;
    }
  }
}

/** Memory of a process in MB: `VmRSS` now, `VmHWM` at most so far. */
export function statusMb(pid: number | undefined, field: 'VmRSS' | 'VmHWM'): number {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
}

/** Processor time of a process so far. */
export function cpuSeconds(pid: number | undefined): number {
  const [user = 0, system = 0] = (fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1] ?? '')
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
}

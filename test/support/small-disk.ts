import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { tempDir } from './temp-dir.ts';

const BALLAST = 'ballast';
const STEP_BYTES = 4096;

/** Why a disk of a test's own cannot be had here; false where it can. Mounting needs root. */
export const noSmallDisk: string | false = (() => {
  const { dir, remove } = tempDir('mount');
  try {
    mount(dir, 1);
    execFileSync('umount', [dir]);
    return false;
  } catch {
    return 'SKIPPED: a file system cannot be mounted here, so nothing of a full disk was tested';
  } finally {
    remove();
  }
})();
if (noSmallDisk !== false) console.error(noSmallDisk);

/** A disk of some megabytes that can be filled up to its last page, and have room again: a file system in memory. */
export class SmallDisk {
  readonly dir: string;
  readonly #remove: () => void;

  constructor(megabytes: number) {
    const { dir, remove } = tempDir('small-disk');
    this.dir = dir;
    this.#remove = remove;
    mount(dir, megabytes);
  }

  get freeBytes(): number {
    const { bavail, bsize } = fs.statfsSync(this.dir);
    return bavail * bsize;
  }

  /** Somebody else's file takes all but so much of what is free. */
  fill(leaveBytes = 0): void {
    const file = fs.openSync(path.join(this.dir, BALLAST), 'a');
    try {
      while (this.freeBytes > leaveBytes) {
        const bytes = Math.min(1 << 20, Math.max(STEP_BYTES, this.freeBytes - leaveBytes));
        fs.writeSync(file, Buffer.alloc(bytes, 1));
      }
    } catch (error) {
      // What was free a moment ago has gone to the one whose disk this is.
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      fs.closeSync(file);
    }
  }

  /** That file goes away. */
  makeRoom(): void {
    fs.rmSync(path.join(this.dir, BALLAST), { force: true });
  }

  remove(): void {
    execFileSync('umount', ['--lazy', this.dir]);
    this.#remove();
  }
}

function mount(dir: string, megabytes: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=777`, 'signalbox-test', dir], { stdio: 'pipe' });
}

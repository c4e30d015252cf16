const OVER_MS = 10_000;

/** What passed lately, as a rate over the last ten seconds. */
export class RecentBytes {
  #passed: { readonly atMs: number; readonly bytes: number }[] = [];

  add(bytes: number, nowMs: number): void {
    this.#trim(nowMs);
    this.#passed.push({ atMs: nowMs, bytes });
  }

  perSecond(nowMs: number): number {
    this.#trim(nowMs);
    return this.#passed.reduce((sum, { bytes }) => sum + bytes, 0) / (OVER_MS / 1000);
  }

  /** A clock that was set back makes what is later than now unknown, and not eternal. */
  #trim(nowMs: number): void {
    this.#passed = this.#passed.filter(({ atMs }) => atMs > nowMs - OVER_MS && atMs <= nowMs);
  }
}

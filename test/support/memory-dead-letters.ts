import type { DeadLetter, DeadLetterQuery, DeadLetterStore } from '../../runtime/log.ts';

/** Dead letters for tests. */
export class MemoryDeadLetters implements DeadLetterStore {
  #letters: (DeadLetter & { readonly id: number })[] = [];
  #newest = 0;

  async append(letters: readonly DeadLetter[]): Promise<void> {
    for (const letter of letters) this.#letters.push({ ...letter, id: ++this.#newest });
  }

  async query(query: DeadLetterQuery): Promise<(DeadLetter & { readonly id: number })[]> {
    return this.#letters
      .filter(
        (letter) =>
          (query.stream === undefined || letter.stream === query.stream) &&
          (query.source === undefined || letter.source === query.source) &&
          (query.code === undefined || letter.code === query.code) &&
          (query.fromMs === undefined || letter.timeMs >= query.fromMs) &&
          (query.toMs === undefined || letter.timeMs < query.toMs) &&
          (query.before === undefined || letter.id < query.before),
      )
      .reverse()
      .slice(0, query.limit);
  }

  async counts(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { stream } of this.#letters) counts[stream] = (counts[stream] ?? 0) + 1;
    return counts;
  }

  async trim(beforeMs: number): Promise<void> {
    this.#letters = this.#letters.filter(({ timeMs }) => timeMs >= beforeMs);
  }
}

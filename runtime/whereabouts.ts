import type { Shard } from './ownership.ts';

/** Which shards are wholly here, and who wants to know when that changes. */
export class Whereabouts {
  readonly #open = new Set<Shard>();
  readonly #listeners = new Set<() => Promise<void>>();

  isHere(shard: Shard): boolean {
    return this.#open.has(shard);
  }

  onMoved(listener: () => Promise<void>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  opened(shard: Shard): void {
    this.#open.add(shard);
    void this.#moved();
  }

  /** Resolves when whoever works for its entities has ended. */
  async closing(shard: Shard): Promise<void> {
    this.#open.delete(shard);
    await this.#moved();
  }

  async #moved(): Promise<void> {
    await Promise.all([...this.#listeners].map((listener) => listener()));
  }
}

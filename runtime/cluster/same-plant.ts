import { z } from 'zod';
import type { Link } from '../link.ts';

export interface SamePlantOptions {
  readonly link: Pick<Link, 'announce' | 'serve' | 'nodes'>;
  /** Of the file that says what the plant is, as this node has read it. */
  readonly plant: string;
  readonly everyMs?: number;
}

const PLANT = 'plant';
const PlantNews = z.object({ plant: z.string() });
const EVERY_MS = 5000;

/**
 * Whether the nodes of a cell run the same plant. For a while they may not, when a new file goes from node to node; longer, and
 * an entity is there or not, and judged by one rule or another, by where its shard happens to be.
 */
export class SamePlant {
  readonly #options: SamePlantOptions;
  readonly #plants = new Map<string, string>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: SamePlantOptions) {
    this.#options = options;
    const { link, plant, everyMs = EVERY_MS } = options;
    link.serve(PLANT, (body, from) => void this.#plants.set(from, PlantNews.parse(body).plant));
    this.#timer = setInterval(() => link.announce(PLANT, { plant }), everyMs);
  }

  /** Nodes in reach that run another. */
  get others(): readonly string[] {
    const { link, plant } = this.#options;
    const inReach = new Set(link.nodes);
    for (const node of this.#plants.keys()) if (!inReach.has(node)) this.#plants.delete(node);
    return [...this.#plants].filter(([, told]) => told !== plant).map(([node]) => node);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

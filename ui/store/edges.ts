import type { Edge } from '../../gateways/http/routes/edges.ts';
import { rowsOf } from './history.ts';
import { type Answer, read } from './session.ts';
import { Signal } from './signal.ts';

const EVERY_MS = 2000;

/** The edges of the plant and their links, asked for again and again while a page shows them. */
export class Edges {
  /** Null until the first answer. */
  readonly edges = new Signal<readonly Edge[] | null>(null);
  /** Why what is known is not of now. */
  readonly problem = new Signal<string | null>(null);
  readonly #ask: () => Promise<Answer<unknown>>;

  constructor(ask: () => Promise<Answer<unknown>> = () => read('/api/v1/edges', {})) {
    this.#ask = ask;
  }

  async load(): Promise<void> {
    const answer = await this.#ask();
    if (!answer.ok) {
      this.problem.value = answer.status === 403 ? 'This needs the permission health:read.' : answer.message;
      return;
    }
    this.problem.value = null;
    this.edges.value = rowsOf(answer.body).filter(isEdge);
  }

  /** Each time after the last answer; returns what ends it. */
  follow(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let ended = false;
    const next = async () => {
      await this.load();
      if (!ended) timer = setTimeout(next, EVERY_MS);
    };
    void next();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }
}

/** The server describes its answer (`docs/reference`); here it is believed once, for all pages. */
function isEdge(row: unknown): row is Edge {
  return typeof row === 'object' && row !== null && 'cell' in row && 'commands' in row;
}

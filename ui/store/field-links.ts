import type { FieldLink } from '../../gateways/http/field-links.ts';
import { rowsOf } from './history.ts';
import { type Answer, isRecord, read } from './session.ts';
import { Signal } from './signal.ts';

const EVERY_MS = 2000;

/**
 * The links to the field, by the id of their connection. They are asked for and not pushed: on every page their names are wanted, and
 * on one page the figures of one of them.
 */
export class FieldLinks {
  /** Null until the first answer. */
  readonly links = new Signal<ReadonlyMap<string, FieldLink> | null>(null);
  /** Why what is known is not of now. */
  readonly problem = new Signal<string | null>(null);
  readonly #ask: () => Promise<Answer<unknown>>;

  constructor(ask: () => Promise<Answer<unknown>> = () => read('/api/v1/health', {})) {
    this.#ask = ask;
  }

  async load(): Promise<void> {
    const answer = await this.#ask();
    if (!answer.ok) {
      this.problem.value = answer.status === 403 ? 'This needs the permission health:read.' : answer.message;
      return;
    }
    this.problem.value = null;
    const rows = isRecord(answer.body) ? rowsOf({ items: answer.body.links }) : [];
    this.links.value = new Map(rows.filter(isFieldLink).map((link) => [link.connection, link]));
  }

  /** Asks again and again, each time after the last answer; returns what ends it. */
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

  /** Of a connection, or of the part of it that is at another site: `broker` of `broker` and of `broker.south`. */
  of(id: string): FieldLink | undefined {
    return linkOf(this.links.value, id);
  }
}

export function linkOf(links: ReadonlyMap<string, FieldLink> | null, id: string): FieldLink | undefined {
  for (let end = id.length; end > 0; end = id.lastIndexOf('.', end - 1)) {
    const link = links?.get(id.slice(0, end));
    if (link !== undefined) return link;
  }
  return undefined;
}

/** The server describes its answer (`docs/reference`); here it is believed once, for all pages. */
function isFieldLink(row: Record<string, unknown>): row is FieldLink {
  return typeof row.connection === 'string' && typeof row.name === 'string' && typeof row.state === 'string';
}

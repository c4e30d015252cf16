import type { FieldLink } from '../../gateways/http/field-links.ts';
import { rowsOf } from './history.ts';
import { Polled } from './polled.ts';
import { type Answer, isRecord, read } from './session.ts';

/**
 * The links to the field, by the id of their connection: on every page their names are wanted, and on one page the figures of one
 * of them.
 */
export class FieldLinks extends Polled<ReadonlyMap<string, FieldLink>> {
  readonly links = this.value;

  constructor(ask: () => Promise<Answer<unknown>> = () => read('/api/v1/health', {})) {
    super(ask, (body) => {
      const rows = isRecord(body) ? rowsOf({ items: body.links }) : [];
      return new Map(rows.filter(isFieldLink).map((link) => [link.connection, link]));
    });
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

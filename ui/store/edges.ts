import type { Edge } from '../../gateways/http/routes/edges.ts';
import { rowsOf } from './history.ts';
import { Polled } from './polled.ts';
import { type Answer, read } from './session.ts';

/** The edges of the plant and their links. */
export class Edges extends Polled<readonly Edge[]> {
  readonly edges = this.value;

  constructor(ask: () => Promise<Answer<unknown>> = () => read('/api/v1/edges', {})) {
    super(ask, (body) => rowsOf(body).filter(isEdge));
  }
}

/** The server describes its answer (`docs/reference`); here it is believed once, for all pages. */
function isEdge(row: unknown): row is Edge {
  return typeof row === 'object' && row !== null && 'cell' in row && 'commands' in row;
}

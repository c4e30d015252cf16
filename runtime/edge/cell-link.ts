import type { Link, LinkState } from '../link.ts';

/** Name of the cell at the centre; a site without a cell lives there. */
export const CORE = 'core';

/**
 * Messages between cells, each by its name, `core` being any node of the centre. As between nodes nothing is promised but
 * order: what matters carries an id, is answered, and is sent again. An edge connects outward alone. `request` reaches one
 * node of the other cell, `tell` all of them.
 */
export interface CellLink extends Pick<Link, 'request' | 'tell' | 'serve' | 'state' | 'start' | 'stop'> {
  /** Name of our own cell. */
  readonly cell: string;
  /** Called on every change. Returns the unsubscribe. */
  onState(listener: (state: LinkState) => void): () => void;
}

import { isDeepStrictEqual } from 'node:util';
import type { View } from '../../runtime/actor-kind.ts';
import type { EntityId } from '../../runtime/ids.ts';
import type { Interest } from '../../runtime/live-bus.ts';
import { FakeTime } from './fake-time.ts';
import { LiveNode, MemoryLinks, thing } from './live-nodes.ts';
import { MemoryLaneHub, type MemoryLiveLane } from './memory-live-lane.ts';

export const PUMP = thing('north', 'pump');
export const FAN = thing('north', 'fan');
export const MIXER = thing('south', 'mixer');

/** Live views of the nodes of one cell, with lanes and links in memory, in a time that passes where a test lets it. */
export class MemoryCell {
  readonly time = FakeTime.begin();
  readonly hub = new MemoryLaneHub();
  readonly links = new MemoryLinks();
  readonly #nodes: LiveNode[] = [];

  node = (
    name: string,
    more: Partial<ConstructorParameters<typeof LiveNode>[0]> = {},
  ): LiveNode & { readonly lane: MemoryLiveLane } => {
    const lane = this.hub.lane();
    const made = new LiveNode({ name, lane, link: this.links.link(name), ...more });
    this.#nodes.push(made);
    return Object.assign(made, { lane });
  };

  until = (what: string, holds: () => boolean, withinMs?: number): Promise<void> =>
    this.time.until(what, holds, withinMs);

  ready = (interest: Interest): Promise<void> => this.time.settle('it is shown', interest.ready);

  shows = (node: LiveNode, id: EntityId, view: View): Promise<void> =>
    this.until(`${node.name} shows ${id} as ${JSON.stringify(view)}`, () =>
      isDeepStrictEqual(node.view(id), view),
    ).catch((error: unknown) => {
      throw new Error(`${node.name} shows ${JSON.stringify(node.view(id))}`, { cause: error });
    });

  close(): void {
    for (const node of this.#nodes) node.close();
    this.time.end();
  }
}

/** A test with a cell of its own. */
export function inCell(run: (cell: MemoryCell) => Promise<void>): () => Promise<void> {
  return async () => {
    const cell = new MemoryCell();
    try {
      await run(cell);
    } finally {
      cell.close();
    }
  };
}

import { z } from 'zod';
import { type ActorKind, reject, type View } from '../../runtime/actor-kind.ts';
import type { SiteDefinition } from '../../topology/plant.ts';
import { figuresOf } from './figures.ts';
import { sitePartOf } from './part.ts';
import { initialSite, type SiteState } from './state.ts';
import { siteView } from './view.ts';

/**
 * One site: the sums of what its assets, devices and work orders show, for the overview of the wall. It decides nothing and takes
 * no commands; it follows the newest views, so it is right again a moment after any restart.
 */
export const siteKind: ActorKind<SiteState, never, { readonly kind: never }, never, never, SiteDefinition> = {
  name: 'site',
  command: z.never(),
  permission: () => 'internal',

  initial: initialSite,
  decide: () => reject('NO_COMMANDS', 'a site takes no commands'),
  evolve: (state) => state,

  watch(state, changed, turn) {
    const { definition, parts } = state;
    for (const [id, view] of changed) {
      const part = sitePartOf(id, view, definition);
      // An order that has ended counts for nothing, and there are ever more of them.
      if (part === null || (part.kind === 'work-order' && !part.isOpen)) parts.delete(id);
      else parts.set(id, part);
    }
    const assets = [...parts.values()].flatMap((part) => (part.kind === 'asset' ? [part.figures] : []));
    state.figures = figuresOf(definition, assets, state.figures, turn.nowMs);
  },

  // The views are interfaces of Json; TypeScript gives only type aliases the index signature that says so.
  view: (state) => siteView(state) as unknown as View,

  snapshot: { encode: () => null, decode: (_, self) => initialSite(self) },
};

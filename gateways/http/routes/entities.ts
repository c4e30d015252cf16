import { z } from 'zod';
import { HttpError } from '../errors.ts';
import { entityOf, Name } from '../parameters.ts';
import { type Route, route } from '../route.ts';

const Kind = z
  .string()
  .max(32)
  .regex(/^[a-z][a-z-]*$/, 'as in the health of the node: device, asset, site, work-order');

/** What people do about actors as such, whatever they stand for. */
export const ENTITY_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    path: '/entities/{kind}/{id}/restart',
    tag: 'System',
    summary: 'Build an actor again that does not run',
    description:
      'Who has crashed too often stays stopped, and health names it. Answers when it is live, from its records; `INVALID_STATE_TRANSITION` where it runs, `UNAVAILABLE` where it crashes again. Stands in the audit of `access/main`.',
    permission: 'entity:restart',
    params: z.strictObject({ kind: Kind, id: Name }),
    errors: ['INVALID_STATE_TRANSITION', 'STALE_ROUTE', 'STOPPED'],
    response: z.object({ entity: z.string(), status: z.literal('live') }),
    handle: async ({ api, params, identity, address }) => {
      if (identity === undefined) throw new HttpError('UNAUTHENTICATED', 'a token is needed');
      const entity = entityOf(params.kind, params.id);
      const restarted = await api.runtime.restart(entity);
      // Nobody restarted what was not there, or ran.
      const tried = restarted.ok || restarted.code === 'UNAVAILABLE';
      if (tried) await api.access.restarted(identity, address, entity, restarted.ok ? 'live' : restarted.code);
      if (!restarted.ok) throw new HttpError(restarted.code, restarted.message);
      return { entity, status: 'live' as const };
    },
  }),
];

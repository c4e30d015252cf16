import type { Entities } from './entities.ts';
import { ErrorWithCode, messageOf } from './errors.ts';
import type { EntityId } from './ids.ts';
import type { Restarted } from './runtime.ts';

/** Builds an entity of this node again, because somebody wants it. A refusal says why, NOT_FOUND where it is not here. */
export async function restartEntity(entities: Pick<Entities, 'get'>, id: EntityId): Promise<Restarted> {
  const entity = entities.get(id);
  if (!entity) return { ok: false, code: 'NOT_FOUND', message: `there is no ${id} here` };
  try {
    await entity.restart();
    return { ok: true };
  } catch (error) {
    if (error instanceof ErrorWithCode) return { ok: false, code: error.code, message: error.message };
    return { ok: false, code: 'UNAVAILABLE', message: `it crashed again: ${messageOf(error)}` };
  }
}

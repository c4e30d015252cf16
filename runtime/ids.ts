import { z } from 'zod';

/** `kind/name`, for instance `asset/pump-1`. The name is that of the topology file. */
export const EntityId = z
  .string()
  .max(160)
  .regex(/^[a-z][a-z-]*\/[A-Za-z0-9][A-Za-z0-9._-]*$/, 'an entity id reads kind/name')
  .brand<'EntityId'>();
export type EntityId = z.infer<typeof EntityId>;

/**
 * At most once effective per entity: repeating it returns the first answer. Chosen by whoever sends the command; the journal
 * keeps those of people and programs under their names (`callersCommandId`), hence the length.
 */
export const CommandId = z.string().min(1).max(1000).brand<'CommandId'>();
export type CommandId = z.infer<typeof CommandId>;

export function entityId(kind: string, name: string): EntityId {
  return EntityId.parse(`${kind}/${name}`);
}

export function kindOf(id: EntityId): string {
  return id.slice(0, id.indexOf('/'));
}

export function nameOf(id: EntityId): string {
  return id.slice(id.indexOf('/') + 1);
}

import { permits } from '../../runtime/permissions.ts';
import { PERMISSIONS, type Permission, ROLES } from '../../topology/syntax/roles.ts';

export { PERMISSIONS, type Permission, ROLES };

/** The shipped roles with those of the topology file added or put in their place. */
export function rolesWith(
  fromTopology: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, readonly string[]>> {
  const roles: Record<string, readonly string[]> = { ...ROLES };
  for (const [role, permissions] of Object.entries(fromTopology)) roles[role] = permissions.filter(isForPeople);
  return roles;
}

/** What is internal is between entities alone: no token has it, whatever the topology file says. */
function isForPeople(permission: string): boolean {
  return permission !== 'internal' && !permission.startsWith('internal:');
}

/** As the runtime judges, and never what is internal. */
export function grants(permissions: readonly string[], needed: string): boolean {
  return isForPeople(needed) && permits(permissions, needed);
}

/** Whether the first list can do everything the second can; so nobody hands out more than they have. */
export function covers(permissions: readonly string[], others: readonly string[]): boolean {
  return others.every((other) => (other === '*' ? permissions.includes('*') : grants(permissions, other)));
}

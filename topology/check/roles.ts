import type { Assembly } from '../assembly.ts';
import type { Source } from '../source.ts';

/** A permission that another one covers, or a role that differs from another only in its letters' case, hides a mistake. */
export function checkRoles({ draft }: Assembly, source: Source): void {
  const byLowerCase = new Map<string, string>();
  for (const [role, permissions] of Object.entries(draft.head?.roles ?? {})) {
    const twin = byLowerCase.get(role.toLowerCase());
    if (twin !== undefined) {
      source.report({
        at: ['roles', role],
        atKey: true,
        code: 'ROLE_SHADOWED',
        severity: 'warning',
        message: `role "${role}" differs from "${twin}" only in upper and lower case`,
        suggestion: `keep "${twin}"`,
      });
    }
    byLowerCase.set(role.toLowerCase(), role);
    for (const [index, permission] of permissions.entries()) {
      const wider = permissions.find((other, place) => place !== index && covers(other, permission, place < index));
      if (wider === undefined) continue;
      source.report({
        at: ['roles', role, index],
        code: 'ROLE_SHADOWED',
        severity: 'warning',
        message: `"${permission}" is covered by "${wider}"`,
        suggestion: 'keep one of them',
      });
    }
  }
}

function covers(wider: string, permission: string, isEarlier: boolean): boolean {
  if (wider === permission) return isEarlier;
  return wider === '*' || (wider.endsWith(':*') && permission.startsWith(wider.slice(0, -1)));
}

import type { Assembly } from '../assembly.ts';
import { nearest } from '../nearest.ts';
import type { Path, Source } from '../source.ts';
import { PERMISSIONS, ROLES } from '../syntax/roles.ts';

/** A permission that nothing asks for, one that another covers, or a role that differs from another only in its letters' case, hides a mistake. */
export function checkRoles(assembly: Assembly, source: Source): void {
  const { draft } = assembly;
  const asked = askedFor(assembly);
  checkWritePermissions(assembly, source);
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
      checkPermission(permission, ['roles', role, index], asked, source);
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

/** What the product asks for, and what points of this plant ask of those who write them. */
function askedFor({ draft }: Assembly): ReadonlySet<string> {
  const asked = new Set<string>(PERMISSIONS);
  for (const { value } of [...draft.deviceProfiles.entries, ...draft.devices.entries]) {
    for (const { writable } of value.points) if (writable !== undefined) asked.add(writable.permission);
  }
  return asked;
}

function checkPermission(permission: string, at: Path, asked: ReadonlySet<string>, source: Source): void {
  const [resource = '', verb] = permission.split(':');
  const known =
    verb === '*'
      ? [...asked].some((each) => each.startsWith(`${resource}:`))
      : permission === '*' || asked.has(permission);
  if (known) return;
  const near = nearest(permission, [...asked, ...[...asked].map((each) => `${each.split(':')[0]}:*`)]);
  const message =
    resource === 'internal'
      ? `${permission} is between the parts of the product alone`
      : `nothing asks for ${permission}`;
  source.report({
    at,
    code: 'UNKNOWN_PERMISSION',
    message,
    suggestion: near ? `did you mean "${near}"?` : 'leave it out; the reference lists what there is',
  });
}

/** A point that asks for a permission of its own can be written by whom a role gives it to. */
function checkWritePermissions({ draft, devices }: Assembly, source: Source): void {
  if (draft.head === null) return;
  const granted = Object.values({ ...ROLES, ...draft.head.roles }).flat();
  for (const { points } of devices) {
    for (const { value: point, path } of points.values()) {
      const permission = point.writable?.permission;
      if (permission === undefined || granted.some((each) => each !== '*' && covers(each, permission, true))) continue;
      const near = nearest(permission, [...PERMISSIONS, ...granted]);
      source.report({
        at: [...path, 'writable', 'permission'],
        code: 'UNKNOWN_PERMISSION',
        severity: 'warning',
        message: `no role has ${permission}: only an administrator can write ${point.name}`,
        suggestion: near ? `did you mean "${near}"?` : `give it to a role: "${permission}"`,
      });
    }
  }
}

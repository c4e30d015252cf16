/**
 * Whether a list of permissions allows something. `*` allows all that people may do; `resource:*` all verbs of a resource.
 * What actors say to each other needs `internal:*` by name, which no token can hold.
 */
export function permits(permissions: readonly string[], needed: string): boolean {
  const resource = needed.slice(0, needed.indexOf(':'));
  for (const permission of permissions) {
    if (permission === needed || permission === `${resource}:*`) return true;
    if (permission === '*' && resource !== 'internal') return true;
  }
  return false;
}

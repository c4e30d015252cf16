/**
 * Names for narrow tiles: the words that all names of a group begin or end with are left out, since the group says them
 * already. `Pump N001`, `Pump N002` -> `N001`, `N002`. At least one word stays; names that would become equal stay whole.
 */
export function shortNames(names: readonly string[]): string[] {
  const split = names.map((name) => name.split(' '));
  const fewest = Math.min(...split.map((parts) => parts.length));
  const [first] = split;
  if (first === undefined || names.length < 2) return [...names];
  let before = 0;
  while (before < fewest - 1 && split.every((parts) => parts[before] === first[before])) before++;
  let after = 0;
  while (after < fewest - 1 - before && split.every((parts) => parts.at(-1 - after) === first.at(-1 - after))) after++;
  const short = split.map((parts) => parts.slice(before, parts.length - after).join(' '));
  return new Set(short).size === new Set(names).size ? short : [...names];
}

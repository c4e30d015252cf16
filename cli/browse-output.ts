import type { ExploredNode } from '../gateways/opcua/explore.ts';

const MAX_IDENTIFIER = 64;
/** Of a unit in the topology file. */
const MAX_UNIT = 16;

/** The tree for a person: one line a node. */
export function table(nodes: readonly ExploredNode[]): string[] {
  const rows = nodes.map(({ depth, name, address, nodeClass, variable }) => [
    `${'  '.repeat(depth)}${name}`,
    address,
    nodeClass,
    variable?.dataType ?? '',
    variable === null ? '' : accessOf(variable.access),
    variable === null ? '' : [variable.value, ...(variable.unit === null ? [] : [variable.unit])].join(' '),
  ]);
  const all = [['Name', 'Node', 'Class', 'Type', 'Access', 'Value'], ...rows].map((cells) => cells.map(printable));
  const widths: number[] = [];
  for (const cells of all)
    for (const [i, cell] of cells.entries()) widths[i] = Math.max(widths[i] ?? 0, [...cell].length);
  return all.map((cells) =>
    cells
      .map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - [...cell].length))
      .join('  ')
      .trimEnd(),
  );
}

/** Points to paste under a device; what can be no point stands there as a comment. */
export function points(nodes: readonly ExploredNode[]): string[] {
  const lines: string[] = [];
  const skipped: string[] = [];
  const variables = nodes.filter(({ variable }) => variable !== null);
  const names = identifiers(variables.filter(isPoint).map(({ path }) => path));
  let next = 0;
  for (const node of variables) {
    const { variable, address, path } = node;
    if (variable === null) continue;
    if (!isPoint(node)) {
      const why = variable.access.read ? `${variable.dataType} is no single value` : 'it may not be read';
      skipped.push(printable(`      # left out: ${path.join('.')} (${address}): ${why}`));
      continue;
    }
    const unit =
      variable.unit === null || [...variable.unit].length > MAX_UNIT ? '' : `unit: ${quoted(variable.unit)}, `;
    lines.push(
      `      - { name: ${names[next++]}, ${unit}type: ${variable.pointType}, opcua: { node: ${quoted(address)} } }`,
    );
  }
  const head = lines.length > 0 ? ['    points:'] : ['    # no variable here can be a point'];
  return [...head, ...lines, ...skipped];
}

function isPoint({ variable }: ExploredNode): boolean {
  return variable !== null && variable.pointType !== null && variable.access.read;
}

/**
 * A name for each path that can stand in a formula: its last part, where that is unique; else all of them; else with a number.
 */
export function identifiers(paths: readonly (readonly string[])[]): string[] {
  const short = paths.map((path) => identifier(path.slice(-1)));
  const timesOf = new Map<string, number>();
  for (const name of short) timesOf.set(name, (timesOf.get(name) ?? 0) + 1);
  const taken = new Set(short.filter((name) => timesOf.get(name) === 1));
  return paths.map((path, i) => {
    const own = short[i] ?? '';
    if (timesOf.get(own) === 1) return own;
    const long = identifier(path);
    let name = long;
    for (let number = 2; taken.has(name); number++) {
      const suffix = `_${number}`;
      name = `${long.slice(0, MAX_IDENTIFIER - suffix.length)}${suffix}`;
    }
    taken.add(name);
    return name;
  });
}

function identifier(parts: readonly string[]): string {
  const plain = parts
    .join('_')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9_]+/g, '_')
    .replace(/^_+|_+$/g, '');
  const name = plain === '' ? 'point' : plain;
  // The end of a long path tells more than its beginning.
  return (/^\d/.test(name) ? `_${name}` : name).slice(-MAX_IDENTIFIER).replace(/^(\d)/, '_');
}

function accessOf({ read, write }: { readonly read: boolean; readonly write: boolean }): string {
  if (read) return write ? 'read, write' : 'read';
  return write ? 'write' : 'none';
}

/** A double-quoted scalar of YAML; JSON's is one, but leaves some characters bare that YAML does not allow. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Names come from the server: none of them may steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}|\p{Cf}/gu, '?');
}

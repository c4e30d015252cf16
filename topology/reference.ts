import { type JsonSchema, topologyJsonSchema } from './json-schema.ts';
import { PROBLEM_CODES } from './problem.ts';

/** Text of `docs/reference/topology.md`: a table per object, from the same schemas that check the file. */
export function topologyReferenceText(): string {
  const root = topologyJsonSchema();
  const sections = [
    '# Topology file',
    '<!-- Generated from topology/schema; do not edit. -->',
    'One YAML file describes one organization. Editors check it against [topology.schema.json](topology.schema.json); `signalbox check FILE` finds what a schema cannot see. The guide is [Writing a topology file](../guides/topology-file.md).',
    section('The file', root),
    ...Object.entries(root.$defs ?? {}).map(([name, definition]) => section(name, definition)),
    problems(),
  ];
  return `${sections.join('\n\n')}\n`;
}

interface Row {
  readonly key: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

function section(title: string, schema: JsonSchema): string {
  const parts = [`## ${title}`];
  if (schema.description) parts.push(schema.description);
  if (schema.anyOf && !schema.properties) {
    parts.push(`One of: ${schema.anyOf.map((branch) => `\`${shape(branch)}\``).join(', ')}`);
    return parts.join('\n\n');
  }
  const rows = rowsOf(schema, '').map(
    ({ key, schema: property, required }) =>
      `| \`${key}\` | ${cell(typeOf(property))} | ${required ? '**required**' : cell(defaultOf(property))} | ${cell(meaningOf(property))} |`,
  );
  parts.push(['| Key | Type | Default | Meaning |', '|---|---|---|---|', ...rows].join('\n'));
  return parts.join('\n\n');
}

/** Keys of the object; those of objects without a name of their own follow as `reconnect.minMs`. */
function rowsOf(schema: JsonSchema, prefix: string): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
    const isRequired = schema.required?.includes(key) === true && property.default === undefined;
    const own: Row = { key: `${prefix}${key}`, schema: property, required: isRequired };
    if (property.properties) return [own, ...rowsOf(property, `${prefix}${key}.`)];
    if (property.items) return [own, ...rowsOf(property.items, `${prefix}${key}[].`)];
    const values = typeof property.additionalProperties === 'object' ? property.additionalProperties : {};
    const branches = values.anyOf ?? [values];
    return [own, ...branches.flatMap((branch) => rowsOf(branch, `${prefix}${key}.*.`))];
  });
}

function typeOf(schema: JsonSchema): string {
  if (schema.$ref) return reference(schema.$ref);
  if (schema.allOf?.[0]) return typeOf(schema.allOf[0]);
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches) return branches.map(typeOf).join(' or ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ type })).join(' or ');
  switch (schema.type) {
    case 'array':
      if (schema.prefixItems) return `[${schema.prefixItems.map(typeOf).join(', ')}]`;
      return `list of ${typeOf(schema.items ?? {})}${limits(schema.minItems, schema.maxItems, ' entries')}`;
    case 'object':
      if (schema.properties) return 'object';
      return typeof schema.additionalProperties === 'object'
        ? `map to ${typeOf(schema.additionalProperties)}`
        : 'object';
    case 'integer':
      return `whole number${limits(schema.minimum, schema.maximum)}`;
    case 'number': {
      const above = schema.exclusiveMinimum === undefined ? '' : `, above ${schema.exclusiveMinimum}`;
      return `number${above}${limits(schema.minimum, schema.maximum)}`;
    }
    case 'string':
      if (schema.pattern?.startsWith('^\\$\\{env:')) return '`${env:…}`';
      if (schema.pattern?.startsWith('^\\$\\{secret:')) return '`${secret:…}`';
      if (schema.format === 'date-time') return 'instant';
      if (schema.format === 'uri') return 'URL';
      return `text${limits(undefined, schema.maxLength, ' characters')}`;
    default:
      return schema.type === 'boolean' ? 'true or false' : 'any value';
  }
}

function limits(min: number | undefined, max: number | undefined, unit = ''): string {
  const bounded = max !== undefined && Math.abs(max) < Number.MAX_SAFE_INTEGER;
  const founded = min !== undefined && Math.abs(min) < Number.MAX_SAFE_INTEGER;
  if (founded && bounded) return `, ${min} to ${max}${unit}`;
  if (bounded) return `, at most ${max}${unit}`;
  return founded ? `, at least ${min}${unit}` : '';
}

function defaultOf(schema: JsonSchema): string {
  if (schema.default === undefined) return '';
  const text = JSON.stringify(schema.default);
  return text === '""' ? 'empty' : text === '[]' || text === '{}' ? 'none' : `\`${text}\``;
}

function meaningOf(schema: JsonSchema): string {
  return schema.description ?? schema.allOf?.[0]?.description ?? '';
}

function shape(schema: JsonSchema): string {
  const [only] = Object.entries(schema.properties ?? {});
  return only ? `${only[0]}: ${plain(only[1])}` : plain(schema);
}

function plain(schema: JsonSchema): string {
  return typeOf(schema).replaceAll('`', '');
}

function reference(ref: string): string {
  const name = ref.split('/').at(-1) ?? '';
  return `[${name}](#${name.toLowerCase()})`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function problems(): string {
  const rows = Object.entries(PROBLEM_CODES).map(([code, meaning]) => `| \`${code}\` | ${cell(meaning)} |`);
  return [
    '## Problems',
    'Codes of what `signalbox check` finds. They are stable.',
    ['| Code | Meaning |', '|---|---|', ...rows].join('\n'),
  ].join('\n\n');
}

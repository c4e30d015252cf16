import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { type JsonSchema, topologyJsonSchema, topologyJsonSchemaText } from '../../../topology/json-schema.ts';
import { topologyReferenceText } from '../../../topology/reference.ts';

const REFERENCE = new URL('../../../docs/reference/', import.meta.url);

test('the committed JSON Schema is that of the code', async () => {
  assert.equal(await readFile(new URL('topology.schema.json', REFERENCE), 'utf8'), topologyJsonSchemaText());
});

test('the committed reference is that of the code', async () => {
  assert.equal(await readFile(new URL('topology.md', REFERENCE), 'utf8'), topologyReferenceText());
});

test('every key of the format says what it means', () => {
  const silent: string[] = [];
  const walk = (schema: JsonSchema, path: string): void => {
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      // A condition is its own explanation: `above: 80`.
      const said = property.description ?? property.allOf?.[0]?.description;
      if (said === undefined && !path.startsWith('Condition')) silent.push(`${path}.${key}`);
      walk(property, `${path}.${key}`);
    }
    for (const part of [schema.items, ...(schema.anyOf ?? [])]) if (part) walk(part, path);
  };
  const root = topologyJsonSchema();
  walk(root, 'Topology');
  for (const [name, definition] of Object.entries(root.$defs ?? {})) walk(definition, name);
  assert.deepEqual(silent, []);
});

test('defaults are not demanded of the author, and a port may come from the environment', () => {
  const { $defs } = topologyJsonSchema();
  assert.deepEqual($defs?.Rule?.required, ['id', 'name', 'when']);
  const port = $defs?.ModbusConnection?.properties?.tcp?.properties?.port;
  assert.deepEqual(
    port?.anyOf?.map(({ type }) => type),
    ['integer', 'string'],
  );
});

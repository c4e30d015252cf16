import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { PERMISSIONS } from '../../../../gateways/auth/roles.ts';
import { openApiOf } from '../../../../gateways/http/openapi.ts';
import { referenceFiles } from '../../../../gateways/http/reference.ts';
import { ROUTES } from '../../../../gateways/http/routes.ts';

const root = new URL('../../../../', import.meta.url);
const Operation = z.object({
  operationId: z.string(),
  parameters: z
    .array(z.object({ name: z.string(), in: z.string(), schema: z.record(z.string(), z.unknown()) }))
    .default([]),
  requestBody: z.object({ content: z.record(z.string(), z.object({ schema: z.unknown() })) }).optional(),
  responses: z.record(z.string(), z.object({ content: z.record(z.string(), z.object({ schema: z.unknown() })) })),
});
const Document = z.object({
  openapi: z.literal('3.1.0'),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

describe('the OpenAPI document', () => {
  const document = Document.parse(openApiOf(ROUTES, '1.0.0'));
  const text = JSON.stringify(document);

  it('describes every route, and nothing else', () => {
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    assert.deepEqual(described.sort(), ROUTES.map(({ method, path }) => `${method} /api/v1${path}`).sort());
  });

  it('names every parameter of a path, and every operation differently', () => {
    const ids = new Set<string>();
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const operation of Object.values(operations)) {
        const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        const named = operation.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
        assert.deepEqual(named.sort(), inPath.sort(), path);
        assert.ok(!ids.has(operation.operationId), operation.operationId);
        ids.add(operation.operationId);
      }
    }
  });

  it('refers only to what is there', () => {
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference ?? '');
    assert.ok(references.length > 0);
    for (const reference of references) {
      const name = /^#\/components\/schemas\/(\w+)$/.exec(reference)?.[1] ?? '';
      assert.ok(name in document.components.schemas, reference);
    }
    assert.ok(!text.includes('$defs'));
  });

  it('holds JSON Schemas that can be read back', () => {
    const defs = JSON.parse(
      JSON.stringify(document.components.schemas).replaceAll('#/components/schemas/', '#/$defs/'),
    );
    for (const name of Object.keys(document.components.schemas)) {
      const schema = z.fromJSONSchema({ $ref: `#/$defs/${name}`, $defs: defs });
      assert.ok(!schema.safeParse('never a string').success, name);
    }
  });

  it('asks only for permissions that exist', () => {
    const known = new Set<string>([...PERMISSIONS, 'public', 'authenticated']);
    for (const { permission, path } of ROUTES) assert.ok(known.has(permission), `${path} ${permission}`);
  });

  it('is published as it is served', async () => {
    const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
    for (const [path, wanted] of Object.entries(referenceFiles(version))) {
      const published = await readFile(new URL(path, root), 'utf8');
      assert.ok(published === wanted, `${path} is out of date: node --import tsx gateways/http/write-reference.ts`);
    }
  });
});

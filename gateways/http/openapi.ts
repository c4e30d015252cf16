import { z } from 'zod';
import { HTTP_ERRORS } from './errors.ts';
import { IDEMPOTENCY_KEY } from './parameters.ts';
import type { Route } from './route.ts';
import { errorsOf } from './route-errors.ts';

type JsonObject = { [key: string]: unknown };

const JsonObject = z.record(z.string(), z.unknown());

const ErrorAnswer = z
  .object({
    error: z.object({
      code: z.string().describe(`One of ${Object.keys(HTTP_ERRORS).join(', ')}, or a code of the actor`),
      message: z.string(),
      field: z.string().optional().describe('The parameter or member that is wrong'),
      requestId: z.string(),
    }),
  })
  .meta({ id: 'Error' });

const REQUEST_ID = { $ref: '#/components/headers/RequestId' };
const RETRY_AFTER = { $ref: '#/components/headers/RetryAfter' };

/** OpenAPI 3.1 of the route table. What is described is what is checked: the same schemas serve both. */
export function openApiOf(routes: readonly Route[], version: string): JsonObject {
  const schemas: JsonObject = {};
  const schemaOf = (schema: z.ZodType, io: 'input' | 'output') => {
    const { $schema: _, $defs, ...json } = JsonObject.parse(z.toJSONSchema(schema, { io, unrepresentable: 'any' }));
    for (const [id, definition] of Object.entries(JsonObject.parse($defs ?? {}))) {
      const { $schema: _schema, id: _id, ...rest } = JsonObject.parse(definition);
      schemas[id] = hoisted(rest);
    }
    return hoisted(json);
  };
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    const path = `/api/v1${route.path}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, schemaOf) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Signalbox',
      version,
      description: 'Live industrial operations: plant, telemetry, alarms, work orders. Times are epoch milliseconds.',
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, { session: [] }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas,
      headers: {
        RequestId: { description: 'Finds the request in the log', required: true, schema: { type: 'string' } },
        RetryAfter: { description: 'Seconds until it makes sense to try again', schema: { type: 'integer' } },
      },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'sbx_<id>_<secret>' },
        session: { type: 'apiKey', in: 'cookie', name: 'signalbox_session' },
      },
    },
  };
}

type SchemaOf = (schema: z.ZodType, io: 'input' | 'output') => JsonObject;

function operationOf(route: Route, schemaOf: SchemaOf): JsonObject {
  const needs =
    route.permission === 'public'
      ? 'Needs no token.'
      : route.permission === 'authenticated'
        ? 'Needs a token.'
        : `Needs the permission \`${route.permission}\`.`;
  const parameters = [
    ...parametersOf(route.params, 'path', schemaOf),
    ...parametersOf(route.query, 'query', schemaOf),
    ...(route.isCommand
      ? [
          {
            name: 'Idempotency-Key',
            in: 'header',
            required: false,
            description:
              'Repeating a command with the same key returns its first answer; another command with it is refused with COMMAND_ID_REUSED',
            schema: { type: 'string', pattern: IDEMPOTENCY_KEY.source },
          },
        ]
      : []),
  ];
  return {
    tags: [route.tag],
    operationId: operationIdOf(route),
    summary: route.summary,
    description: route.description === undefined ? needs : `${route.description} ${needs}`,
    ...(route.permission === 'public' && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && {
      requestBody: {
        // A body of which every member may be left out may be left out itself.
        required: !route.body.safeParse({}).success,
        content: { 'application/json': { schema: schemaOf(route.body, 'input') } },
      },
    }),
    responses: {
      200: {
        description: 'Done',
        headers: { 'X-Request-Id': REQUEST_ID },
        content: { 'application/json': { schema: schemaOf(route.response, 'output') } },
      },
      ...refusalsOf(route, schemaOf(ErrorAnswer, 'output')),
    },
  };
}

function refusalsOf(route: Route, schema: JsonObject): JsonObject {
  const responses: JsonObject = {};
  for (const [status, codes] of errorsOf(route)) {
    const ofActors = status === 422 && route.isCommand ? ', or a code of the actor' : '';
    responses[status] = {
      description: `${codes.join(', ')}${ofActors}`,
      headers: {
        'X-Request-Id': REQUEST_ID,
        ...((status === 429 || status === 503) && { 'Retry-After': RETRY_AFTER }),
      },
      content: { 'application/json': { schema } },
    };
  }
  return responses;
}

function parametersOf(schema: z.ZodType | undefined, where: 'path' | 'query', schemaOf: SchemaOf): JsonObject[] {
  if (schema === undefined) return [];
  const object = schemaOf(schema, 'input');
  const required = z.array(z.string()).catch([]).parse(object.required);
  return Object.entries(JsonObject.parse(object.properties)).map(([name, property]) => {
    const { description, ...rest } = JsonObject.parse(property);
    return {
      name,
      in: where,
      required: where === 'path' || required.includes(name),
      ...(description !== undefined && { description }),
      schema: rest,
    };
  });
}

/** `POST /alarms/{id}/acknowledge` -> `postAlarmsIdAcknowledge`. */
function operationIdOf({ method, path }: Route): string {
  const words = path.replaceAll(/[{}]/g, '').split(/[/.-]/).filter(Boolean);
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

/** References to where the definitions stand in the document. */
function hoisted(json: JsonObject): JsonObject {
  return JsonObject.parse(JSON.parse(JSON.stringify(json).replaceAll('"#/$defs/', '"#/components/schemas/')));
}

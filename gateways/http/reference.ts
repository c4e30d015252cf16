import { z } from 'zod';
import { PERMISSIONS, ROLES } from '../auth/roles.ts';
import { ClientFrame } from '../websocket/protocol.ts';
import { ServerFrames } from '../websocket/server-frames.ts';
import { HTTP_ERRORS } from './errors.ts';
import { openApiOf } from './openapi.ts';
import type { Route } from './route.ts';
import { ROUTES } from './routes.ts';

/** The published reference of the people's side: path -> text. Made from what is served, so that it cannot be wrong. */
export function referenceFiles(version: string): Readonly<Record<string, string>> {
  return {
    'docs/reference/openapi.json': json(openApiOf(ROUTES, version)),
    'docs/reference/websocket.json': json(wireFormat()),
    'docs/reference/api.md': guide(ROUTES),
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function wireFormat(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Signalbox WebSocket frames',
    description: 'Text frames of JSON at /ws. `client` is what may be sent, `server` what comes.',
    $defs: {
      client: z.toJSONSchema(ClientFrame, { io: 'input' }),
      server: z.toJSONSchema(ServerFrames, { io: 'output' }),
    },
  };
}

function guide(routes: readonly Route[]): string {
  const tags = [...new Set(routes.map(({ tag }) => tag))];
  return [
    '# HTTP API',
    '',
    'Generated from the route table (`node --import tsx gateways/http/write-reference.ts`). The full description with all',
    'parameters and shapes is [`openapi.json`](openapi.json), also served at `/api/v1/openapi.json`; the frames of the push are in',
    '[`websocket.json`](websocket.json).',
    '',
    '## Access',
    '',
    'Programs send `Authorization: Bearer sbx_…`. A browser logs in once with `POST /api/v1/session`, which puts the token into an',
    '`HttpOnly`, `SameSite=Strict` cookie; a write with the cookie must carry the `Origin` of this server. A revoked token is',
    'refused within two seconds on every node, and its WebSockets are closed.',
    '',
    'Outside `/api/v1`: `/health` (alive) and `/ready` (serving) are open to everybody and say nothing but yes or no, since',
    'orchestrators ask from other machines. `/metrics` is open on the machine itself; from elsewhere, or through a proxy, it needs',
    '`health:read`.',
    '',
    '## Conventions',
    '',
    '- Lists answer `{items, total, next}`; `next` goes back as `cursor`. Instants are epoch milliseconds; as parameters also ISO 8601.',
    '- Commands take an `Idempotency-Key`: repeating it returns the first answer, over HTTP and WebSocket alike, to whoever sent it;',
    '  another command to the same actor with it is refused with `COMMAND_ID_REUSED`.',
    '- `fields` keeps of an item what is named, `name,props.health,values`; `sort` takes the same names. An unknown one is an error.',
    '- Bodies are JSON of at most 64 KiB; an unknown member or parameter is an error.',
    '- An alarm id has a slash: in a path it is percent-encoded, `asset%2Fpump-1:overheated`.',
    '- 100 requests a minute per address without a valid token, 6,000 per token (a setting); beyond it 429 with `Retry-After`.',
    '',
    ...tags.flatMap((tag) => [
      `## ${tag}`,
      '',
      '| Route | Permission | |',
      '|---|---|---|',
      ...routes
        .filter((route) => route.tag === tag)
        .map(({ method, path, permission, summary }) => `| \`${method} ${path}\` | ${permission} | ${summary} |`),
      '',
    ]),
    '## Errors',
    '',
    'One shape: `{"error": {"code", "message", "field"?, "requestId"}}`. Codes that are not listed are an actor\'s own, with 422.',
    '',
    '| Code | Status |',
    '|---|---|',
    ...Object.entries(HTTP_ERRORS).map(([code, status]) => `| ${code} | ${status} |`),
    '',
    '## Roles',
    '',
    'The topology file adds roles or replaces these.',
    '',
    `| Permission | ${Object.keys(ROLES).join(' | ')} |`,
    `|---|${Object.keys(ROLES)
      .map(() => ':-:|')
      .join('')}`,
    ...PERMISSIONS.map((permission) => `| ${permission} | ${rolesRow(permission)} |`),
    '',
  ].join('\n');
}

function rolesRow(permission: string): string {
  const anyVerb = permission.replace(/:.*/, ':*');
  return Object.values(ROLES)
    .map((granted) => (granted.some((one) => one === '*' || one === permission || one === anyVerb) ? '✓' : ''))
    .join(' | ');
}

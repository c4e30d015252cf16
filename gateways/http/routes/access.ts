import { z } from 'zod';
import type { StoredToken } from '../../../runtime/token-store.ts';
import type { Identity } from '../../auth/authenticator.ts';
import { covers } from '../../auth/roles.ts';
import { clearedCookie, sessionCookie } from '../credentials.ts';
import { HttpError } from '../errors.ts';
import { listOf, listQuery, pageOf } from '../lists.ts';
import { type Api, type Route, route } from '../route.ts';
import { ViewFields } from '../view-fields.ts';

const Session = z
  .object({
    user: z.string(),
    role: z.string(),
    permissions: z.array(z.string()),
    expiresAtMs: z.number().nullable(),
    organization: z.string(),
    simulated: z.boolean(),
    version: z.string(),
  })
  .meta({ id: 'Session' });

function sessionOf(api: Api, { user, role, permissions, expiresAtMs }: Identity): z.infer<typeof Session> {
  const { organization, simulated, version } = api.plant;
  return { user, role, permissions: [...permissions], expiresAtMs, organization, simulated, version };
}

const Token = z
  .object({
    id: z.string().describe('Public part of the token'),
    name: z.string(),
    role: z.string(),
    state: z.enum(['valid', 'expired', 'revoked']),
    createdAtMs: z.number(),
    createdBy: z.string(),
    expiresAtMs: z.number().nullable(),
    revokedAtMs: z.number().nullable(),
    lastUsedAtMs: z.number().nullable(),
  })
  .meta({ id: 'Token' });

const TOKEN_FIELDS = new ViewFields(Token);

function tokenOf({ hash: _hash, ...row }: StoredToken, nowMs: number): z.infer<typeof Token> {
  const expired = row.expiresAtMs !== null && row.expiresAtMs <= nowMs;
  return { ...row, state: row.revokedAtMs !== null ? 'revoked' : expired ? 'expired' : 'valid' };
}

function present(identity: Identity | undefined): Identity {
  if (identity === undefined) throw new HttpError('UNAUTHENTICATED', 'a token is needed');
  return identity;
}

/** Sessions of browsers, and tokens. */
export const ACCESS_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    path: '/session',
    tag: 'Access',
    summary: 'Log a browser in: puts the token into a cookie that scripts cannot read',
    permission: 'public',
    isLogIn: true,
    body: z.strictObject({ token: z.string().max(200) }),
    response: Session,
    handle: async ({ api, body, address, answerHeaders }) => {
      const answer = await api.tokens.authenticate(body.token, address);
      if (!answer.ok) {
        const { code, message, retryAfterMs } = answer;
        api.log.warn({ address, code }, 'a log-in was refused');
        throw new HttpError(code, message, { ...(retryAfterMs !== undefined && { retryAfterMs }) });
      }
      const { tokenId, user, role } = answer.identity;
      api.log.info({ tokenId, user, role, address }, 'logged in');
      await api.access.loggedIn(answer.identity, address);
      answerHeaders['set-cookie'] = sessionCookie(body.token, api.secureCookie, answer.identity, api.now());
      return sessionOf(api, answer.identity);
    },
  }),
  route({
    method: 'GET',
    path: '/session',
    tag: 'Access',
    summary: 'Who am I, and what may I do',
    permission: 'authenticated',
    response: Session,
    handle: ({ api, identity }) => sessionOf(api, present(identity)),
  }),
  route({
    method: 'DELETE',
    path: '/session',
    tag: 'Access',
    summary: 'Log a browser out; the token itself stays valid',
    permission: 'authenticated',
    response: z.object({ ok: z.literal(true) }),
    handle: async ({ api, identity, address, answerHeaders }) => {
      await api.access.loggedOut(present(identity), address);
      answerHeaders['set-cookie'] = clearedCookie(api.secureCookie);
      return { ok: true };
    },
  }),
  route({
    method: 'GET',
    path: '/tokens',
    tag: 'Access',
    summary: 'All tokens, without their secrets',
    permission: 'token:manage',
    query: listQuery(TOKEN_FIELDS).pick({ limit: true, cursor: true, sort: true }),
    response: listOf(Token),
    handle: async ({ api, query }) => {
      const tokens = (await api.tokens.list()).map((row) => tokenOf(row, api.now()));
      const sort = query.sort ?? '-createdAtMs';
      return pageOf(
        tokens,
        { ...query, sort },
        {
          id: ({ id }) => id,
          field: (token, path) => Object.entries(token).find(([key]) => key === path)?.[1],
        },
      );
    },
  }),
  route({
    method: 'POST',
    path: '/tokens',
    tag: 'Access',
    summary: 'Make a token',
    description: 'The token itself is in this answer and never again. Its role may do no more than yours.',
    permission: 'token:manage',
    body: z.strictObject({
      name: z.string().trim().min(1).max(80).describe('Who or what it is for; the user of the audit'),
      role: z.string().max(40),
      expiresInDays: z.number().positive().max(3650).nullable().default(null),
    }),
    response: Token.extend({ token: z.string() }),
    handle: async ({ api, body, identity, address }) => {
      const creator = present(identity);
      const permissions = api.tokens.permissionsOf(body.role);
      if (permissions === undefined) {
        throw new HttpError('INVALID_BODY', `no such role; there are ${api.tokens.roleNames().join(', ')}`, {
          field: 'role',
        });
      }
      if (!covers(creator.permissions, permissions)) {
        throw new HttpError('FORBIDDEN', `the role ${body.role} may do more than you`, { field: 'role' });
      }
      const expiresAtMs = body.expiresInDays === null ? null : Math.round(api.now() + body.expiresInDays * 86_400_000);
      const by = { user: creator.user, via: 'http', address } as const;
      const { token, stored } = await api.tokens.create({ name: body.name, role: body.role, expiresAtMs }, by);
      await api.access.takeTokenChanges();
      api.log.info({ tokenId: stored.id, name: body.name, role: body.role, by: creator.user }, 'a token was made');
      return { ...tokenOf(stored, api.now()), token };
    },
  }),
  route({
    method: 'DELETE',
    path: '/tokens/{id}',
    tag: 'Access',
    summary: 'Revoke a token; its connections are closed at once',
    permission: 'token:manage',
    params: z.strictObject({ id: z.string().regex(/^[0-9a-f]{16}$/, '16 hexadecimal digits') }),
    response: z.object({ ok: z.literal(true) }),
    handle: async ({ api, params, identity, address }) => {
      const { user } = present(identity);
      if (await api.tokens.revoke(params.id, { user, via: 'http', address })) {
        await api.access.takeTokenChanges();
        api.log.info({ tokenId: params.id, by: user }, 'a token was revoked');
        return { ok: true };
      }
      throw new HttpError('NOT_FOUND', 'no such token, or it was revoked before');
    },
  }),
];

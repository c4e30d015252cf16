import { z } from 'zod';

/**
 * What the access book takes down. Each is a fact that has happened already, whoever tells of it; none of them has a token in
 * it, or the hash of one: `tokenId` is the public part that the list of tokens shows.
 */
const client = {
  /** Of the client; null for what was done on the machine itself. */
  address: z.string().max(64).nullable(),
};
/** The same thing many times in a row is told once when it begins, and counted. */
const repeatable = {
  ...client,
  /** How often. 1 for the first time; the row that follows counts the times after it. */
  times: z.int().min(1),
  sinceMs: z.int(),
};
const TokenFacts = z.strictObject({
  id: z.string(),
  name: z.string(),
  role: z.string(),
  expiresAtMs: z.number().nullable(),
});
export type TokenFacts = z.infer<typeof TokenFacts>;

const LoggedIn = z.strictObject({
  kind: z.literal('LoggedIn'),
  ...repeatable,
  tokenId: z.string(),
  role: z.string(),
});
const LoggedOut = z.strictObject({ kind: z.literal('LoggedOut'), ...repeatable, tokenId: z.string() });
const LogInRefused = z.strictObject({
  kind: z.literal('LogInRefused'),
  ...repeatable,
  /** Null where no such token was ever made. */
  tokenId: z.string().nullable(),
  code: z.string(),
});
const PermissionRefused = z.strictObject({
  kind: z.literal('PermissionRefused'),
  ...repeatable,
  tokenId: z.string(),
  role: z.string(),
  /** The request, the subscription or the command. */
  wanted: z.string().max(240),
  reason: z.string().max(240),
});
const TokenCreated = z.strictObject({
  kind: z.literal('TokenCreated'),
  ...client,
  atMs: z.int(),
  token: TokenFacts,
});
const TokenRevoked = z.strictObject({
  kind: z.literal('TokenRevoked'),
  ...client,
  atMs: z.int(),
  token: TokenFacts,
});
/** Somebody had an entity built again that did not run. */
const EntityRestarted = z.strictObject({
  kind: z.literal('EntityRestarted'),
  ...client,
  tokenId: z.string(),
  entity: z.string().max(160),
  /** `live`, or the code with which it stayed down. */
  outcome: z.string().max(64),
});
/** More came at once than is taken down one by one. */
const AccessRecordsOmitted = z.strictObject({
  kind: z.literal('AccessRecordsOmitted'),
  of: z.enum(['LoggedIn', 'LoggedOut', 'LogInRefused', 'PermissionRefused']),
  times: z.int().min(1),
  sinceMs: z.int(),
});

export const AccessEvent = z.discriminatedUnion('kind', [
  LoggedIn,
  LoggedOut,
  LogInRefused,
  PermissionRefused,
  TokenCreated,
  TokenRevoked,
  EntityRestarted,
  AccessRecordsOmitted,
]);
export type AccessEvent = z.infer<typeof AccessEvent>;

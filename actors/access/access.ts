import { z } from 'zod';
import { type ActorKind, accept } from '../../runtime/actor-kind.ts';
import { AccessEvent, type TokenFacts } from './events.ts';

/**
 * The access book of a cell, `access/main`: who came in, who was turned away, what became of tokens, and whom
 * people had restarted. Its journal is what it
 * is there for, beside the journals of the plant and read in the same way. It decides nothing: the gateways that let people in
 * tell it what has happened.
 */
export const accessKind: ActorKind<AccessBook, RecordAccess, AccessEvent, never, never, null> = {
  name: 'access',
  command: z.strictObject({ kind: z.literal('RecordAccess'), event: AccessEvent }),
  permission: () => 'internal',
  initial: () => ({ tokens: {} }),
  decide: (_, { event }) => accept([event]),
  evolve,
  describe: ({ tokens }, event) => ('token' in event ? (tokens[event.token.id] ?? null) : null),
  view: () => ({}),
};

export interface RecordAccess {
  readonly kind: 'RecordAccess';
  readonly event: AccessEvent;
}

export interface AccessBook {
  /** Those that let somebody in, for the before and after of the audit. */
  readonly tokens: Readonly<Record<string, TokenFacts>>;
}

function evolve(book: AccessBook, event: AccessEvent): AccessBook {
  if (event.kind === 'TokenCreated') {
    // Whoever expires is not told of, so the expired are let go of here.
    const valid = Object.entries(book.tokens).filter(([, { expiresAtMs }]) => (expiresAtMs ?? Infinity) > event.atMs);
    return { tokens: { ...Object.fromEntries(valid), [event.token.id]: event.token } };
  }
  if (event.kind === 'TokenRevoked') {
    const { [event.token.id]: _, ...tokens } = book.tokens;
    return { tokens };
  }
  return book;
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AccessBook, accessKind } from '../../../../actors/access/access.ts';
import type { AccessEvent } from '../../../../actors/access/events.ts';
import { entityId } from '../../../../runtime/ids.ts';
import { permits } from '../../../../runtime/permissions.ts';

const self = { id: entityId('access', 'main'), definition: null };
const turn = { ...self, nowMs: 0, by: { user: 'ann', via: 'http' }, permissions: ['internal:*'] } as const;

function created(id: string, atMs: number, expiresAtMs: number | null = null): AccessEvent {
  return { kind: 'TokenCreated', address: null, atMs, token: { id, name: `for ${id}`, role: 'viewer', expiresAtMs } };
}

function revoked(id: string, atMs: number): AccessEvent {
  return { ...created(id, atMs), kind: 'TokenRevoked' } as AccessEvent;
}

/** Before and after of the last event, with the book after all. */
function run(events: readonly AccessEvent[]) {
  let book: AccessBook = accessKind.initial(self);
  let last: unknown;
  for (const event of events) {
    const command = accessKind.command.parse({ kind: 'RecordAccess', event });
    const decision = accessKind.decide(book, command, turn);
    assert.ok(decision.ok);
    const [decided] = decision.events;
    assert.deepEqual(decided, event);
    const before = accessKind.describe?.(book, event);
    book = accessKind.evolve(book, event, turn);
    last = { before, after: accessKind.describe?.(book, event) };
  }
  return { book, last };
}

describe('the access book', () => {
  it('takes facts from the product alone: no token has the permission', () => {
    const command = accessKind.command.parse({ kind: 'RecordAccess', event: created('a', 1) });
    assert.equal(accessKind.permission(command), 'internal');
    assert.equal(permits(['*', 'token:manage'], 'internal:command'), false);
  });

  it('says before and after of a token', () => {
    const facts = { id: 'a', name: 'for a', role: 'viewer', expiresAtMs: null };
    assert.deepEqual(run([created('a', 1)]).last, { before: null, after: facts });
    assert.deepEqual(run([created('a', 1), revoked('a', 2)]).last, { before: facts, after: null });
  });

  it('forgets tokens that have expired, so that it does not grow for ever', () => {
    const { book } = run([created('a', 1, 100), created('b', 50), created('c', 100, 200)]);
    assert.deepEqual(Object.keys(book.tokens), ['b', 'c']);
  });

  it('refuses a fact with anything else in it, for instance a token', () => {
    const command = { kind: 'RecordAccess', event: { ...created('a', 1), secret: 'sbx_' } };
    assert.equal(accessKind.command.safeParse(command).success, false);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AccessEvent } from '../../../../actors/access/events.ts';
import { AccessAudit } from '../../../../gateways/auth/access-audit.ts';
import { Authenticator } from '../../../../gateways/auth/authenticator.ts';
import { ROLES } from '../../../../gateways/auth/roles.ts';
import { newToken } from '../../../../gateways/auth/token.ts';
import type { AskOptions, Reply } from '../../../../runtime/runtime.ts';
import { MemoryTokenStore } from '../../../support/memory-token-store.ts';

const BY_ANN = { user: 'ann', via: 'http', address: '10.0.0.7' } as const;
const MINUTE_MS = 60_000;
const ADDRESS = '10.0.0.9';

/** An access book that keeps what it is told, once a command id, unless it is made to fail. */
class Book {
  readonly kept = new Map<string, { event: AccessEvent; by: AskOptions['by'] }>();
  failure: Extract<Reply, { ok: false }> | undefined;
  asked = 0;

  async ask(to: string, command: unknown, { commandId, by, permissions }: AskOptions): Promise<Reply> {
    this.asked++;
    assert.equal(to, 'access/main');
    assert.deepEqual(permissions, ['internal:*']);
    assert.ok(typeof command === 'object' && command !== null && 'event' in command);
    if (this.failure) return this.failure;
    const repeated = this.kept.has(commandId);
    if (!repeated) this.kept.set(commandId, { event: AccessEvent.parse(command.event), by });
    return { ok: true, result: null, repeated };
  }

  get events(): AccessEvent[] {
    return [...this.kept.values()].map(({ event }) => event);
  }
}

function setUp(failuresPerMinute?: number) {
  const clock = { nowMs: 1_000_000 };
  const store = new MemoryTokenStore();
  const now = () => clock.nowMs;
  const tokens = new Authenticator({
    store,
    roles: () => ROLES,
    now,
    ...(failuresPerMinute !== undefined && { failuresPerMinute }),
  });
  const book = new Book();
  const warnings: string[] = [];
  const note = (_: object, message: string) => warnings.push(message);
  const log = { debug: note, info: note, warn: note, error: note };
  const audit = new AccessAudit({ runtime: book, tokens, log, now });
  const identity = { tokenId: 'f'.repeat(16), user: 'bob', role: 'viewer', permissions: [], expiresAtMs: null };
  const refuse = (wanted: string, tokenId = identity.tokenId) =>
    audit.refused({ identity: { ...identity, tokenId }, address: ADDRESS, via: 'http', wanted, reason: 'needs more' });
  return { clock, store, tokens, book, audit, identity, refuse, warnings };
}

describe('the access audit', () => {
  it('has a log-in before the log-in is answered, with user, token and address', async () => {
    const { audit, book, identity, clock } = setUp();
    await audit.loggedIn(identity, ADDRESS);
    assert.deepEqual(
      [...book.kept.values()],
      [
        {
          event: {
            kind: 'LoggedIn',
            address: ADDRESS,
            tokenId: identity.tokenId,
            role: 'viewer',
            times: 1,
            sinceMs: clock.nowMs,
          },
          by: { user: 'bob', via: 'http' },
        },
      ],
    );
  });

  it('writes a refusal down once, and how often it came again when the window has ended', async () => {
    const { audit, book, clock, refuse } = setUp();
    for (let n = 0; n < 5000; n++) refuse('GET /audit');
    await audit.close();
    assert.deepEqual(
      book.events.map((event) => 'times' in event && event.times),
      [1, 4999],
    );
    refuse('GET /audit');
    clock.nowMs += 11 * MINUTE_MS;
    refuse('GET /audit');
    await audit.close();
    assert.deepEqual(
      book.events.map((event) => 'times' in event && event.times),
      [1, 4999, 1, 1],
      'in the next window it is written down again',
    );
  });

  it('cannot be made to fill the disk: a day of different refusals is a few thousand rows, and all are counted', async () => {
    const { audit, book, clock, refuse } = setUp();
    const REFUSED = 86_400;
    for (let second = 0; second < REFUSED; second++) {
      clock.nowMs += 1000;
      refuse(`GET /made-up-${second}`, `token-${second % 7}`);
      if (second % 100 !== 0) continue;
      audit.tick();
      // Time for the book to take what waits.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await audit.close();
    assert.ok(book.kept.size < 5000, `${book.kept.size} rows`);
    const counted = book.events.reduce((sum, event) => sum + ('times' in event ? event.times : 0), 0);
    assert.equal(counted, REFUSED);
    assert.ok(book.events.some(({ kind }) => kind === 'AccessRecordsOmitted'));
  });

  it('tells failed log-ins by address, and whose token it was where there is one', async () => {
    const { audit, book, tokens } = setUp(3);
    audit.start();
    const { token, stored } = await tokens.create({ name: 'wall', role: 'viewer', expiresAtMs: null }, BY_ANN);
    await tokens.revoke(stored.id, BY_ANN);
    await tokens.authenticate(token, ADDRESS);
    for (let n = 0; n < 9; n++) await tokens.authenticate(newToken().token, ADDRESS);
    await audit.close();
    const refused = [...book.kept.values()].flatMap(({ event, by }) =>
      event.kind === 'LogInRefused' ? [[event.code, event.tokenId, event.times, event.address, by.user]] : [],
    );
    assert.deepEqual(refused, [
      ['TOKEN_REVOKED', stored.id, 1, ADDRESS, 'wall'],
      ['TOKEN_INVALID', null, 1, ADDRESS, 'unknown'],
      ['TOO_MANY_FAILURES', null, 1, ADDRESS, 'unknown'],
      ['TOKEN_INVALID', null, 1, ADDRESS, 'unknown'],
      ['TOO_MANY_FAILURES', null, 6, ADDRESS, 'unknown'],
    ]);
  });

  it('takes what became of a token once, whoever did it and however often the journal has to be asked', async () => {
    const { audit, book, store, tokens } = setUp();
    const { token, stored } = await tokens.create({ name: 'wall', role: 'viewer', expiresAtMs: 5 }, BY_ANN);
    const revokedAtMs = stored.createdAtMs + 77;
    await store.revoke(stored.id, revokedAtMs, { user: 'root', via: 'cli', address: null });
    book.failure = { ok: false, code: 'UNAVAILABLE', message: 'the database is away' };
    await audit.takeTokenChanges();
    assert.equal(store.unsettled.length, 2);
    book.failure = undefined;
    const { unsettled } = store;
    await audit.takeTokenChanges();
    assert.deepEqual(store.unsettled, []);
    // As after a crash between the commit and the settling.
    store.unsettled = unsettled;
    await Promise.all([audit.takeTokenChanges(), audit.takeTokenChanges()]);
    const facts = { id: stored.id, name: 'wall', role: 'viewer', expiresAtMs: 5 };
    assert.deepEqual(
      [...book.kept.values()],
      [
        {
          event: { kind: 'TokenCreated', address: '10.0.0.7', atMs: stored.createdAtMs, token: facts },
          by: { user: 'ann', via: 'http' },
        },
        {
          event: { kind: 'TokenRevoked', address: null, atMs: revokedAtMs, token: facts },
          by: { user: 'root', via: 'cli' },
        },
      ],
    );
    const all = JSON.stringify([...book.kept.values()]);
    assert.ok(!all.includes(token) && !all.includes(stored.hash), 'neither a token nor its hash');
  });

  it('keeps what the journal cannot take now, in order and up to a bound, and offers it again', async () => {
    const { audit, book, refuse, identity, warnings } = setUp();
    book.failure = { ok: false, code: 'UNAVAILABLE', message: 'the database is away' };
    await audit.loggedIn(identity, ADDRESS);
    refuse('GET /audit');
    for (let n = 0; n < 1200; n++) await audit.loggedIn({ ...identity, tokenId: `t${n}` }, ADDRESS);
    assert.equal(book.kept.size, 0);
    book.failure = undefined;
    await audit.close();
    assert.deepEqual(
      book.events.slice(0, 3).map(({ kind }) => kind),
      ['LoggedIn', 'PermissionRefused', 'LoggedIn'],
    );
    assert.equal(book.kept.size, 1000);
    assert.ok(warnings.some((message) => message.includes('while the journal was away')));
  });

  it('cuts what a client may make as long as it likes', async () => {
    const { audit, book, refuse } = setUp();
    refuse(`GET /${'x'.repeat(10_000)}`);
    await audit.close();
    const [event] = book.events;
    assert.ok(event?.kind === 'PermissionRefused' && event.wanted.length === 240);
  });
});

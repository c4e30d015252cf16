import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Authenticator } from '../../../../gateways/auth/authenticator.ts';
import { ROLES } from '../../../../gateways/auth/roles.ts';
import { hashOf, newToken } from '../../../../gateways/auth/token.ts';
import { MemoryTokenStore } from '../../../support/memory-token-store.ts';

const BY_TEST = { user: 'test', via: 'cli', address: null } as const;

function setUp(failuresPerMinute = 20) {
  const clock = { nowMs: 1_000_000 };
  const store = new MemoryTokenStore();
  const authenticator = new Authenticator({ store, roles: () => ROLES, now: () => clock.nowMs, failuresPerMinute });
  const make = (expiresAtMs: number | null = null) =>
    authenticator.create({ name: 'wall-1', role: 'viewer', expiresAtMs }, BY_TEST);
  return { clock, store, authenticator, make };
}

describe('the authenticator', () => {
  it('lets a token in with the permissions of its role', async () => {
    const { authenticator, make } = setUp();
    const { token } = await make();
    const answer = await authenticator.authenticate(token, 'a');
    assert.ok(answer.ok);
    assert.equal(answer.identity.user, 'wall-1');
    assert.deepEqual(answer.identity.permissions, ROLES.viewer);
  });

  it('knows without a wait who was looked up just now, lets nobody in by that who may not, and not for long', async () => {
    const { clock, authenticator, make } = setUp();
    const { token, stored } = await make();
    assert.equal(authenticator.authenticateKnown(token, 'a'), undefined, 'nobody has asked yet');
    await authenticator.prepare(token);
    assert.equal(authenticator.authenticateKnown(token, 'a')?.ok, true);
    const forged = token.slice(0, 21) + newToken().token.slice(21);
    await authenticator.prepare(forged);
    assert.equal(authenticator.authenticateKnown(forged, 'a'), undefined);
    clock.nowMs += 2001;
    assert.equal(authenticator.authenticateKnown(token, 'a'), undefined);
    await authenticator.prepare(token);
    await authenticator.revoke(stored.id, BY_TEST);
    assert.equal(authenticator.authenticateKnown(token, 'a'), undefined);
    await authenticator.prepare(token);
    assert.equal(authenticator.authenticateKnown(token, 'a')?.ok, false, 'revoked');
  });

  it('stores the hash of a token and never the token', async () => {
    const { store, make } = setUp();
    const { token, stored } = await make();
    assert.equal(stored.hash, hashOf(token));
    assert.ok(!JSON.stringify([...store.rows]).includes(token));
  });

  it('refuses what is not a token, an unknown token and another secret under a known id', async () => {
    const { authenticator, make } = setUp();
    const { token } = await make();
    const forged = token.slice(0, 21) + newToken().token.slice(21);
    for (const wrong of ['', 'x', 'sbx_', newToken().token, forged, `${token} `, token.toUpperCase()]) {
      const answer = await authenticator.authenticate(wrong, 'a');
      assert.equal(answer.ok ? 'let in' : answer.code, 'TOKEN_INVALID', wrong);
    }
  });

  it('refuses an expired and a revoked token', async () => {
    const { authenticator, clock, make } = setUp();
    const short = await make(clock.nowMs + 10);
    const revoked = await make();
    assert.ok((await authenticator.authenticate(short.token, 'a')).ok);
    assert.ok((await authenticator.authenticate(revoked.token, 'a')).ok);
    clock.nowMs += 10;
    const told: string[] = [];
    authenticator.onRevoked((id) => told.push(id));
    assert.equal(await authenticator.revoke(revoked.stored.id, BY_TEST), true);
    assert.equal(await authenticator.revoke(revoked.stored.id, BY_TEST), false);
    const [expiredAnswer, revokedAnswer] = await Promise.all([
      authenticator.authenticate(short.token, 'a'),
      authenticator.authenticate(revoked.token, 'a'),
    ]);
    assert.equal(expiredAnswer.ok ? '' : expiredAnswer.code, 'TOKEN_EXPIRED');
    assert.equal(revokedAnswer.ok ? '' : revokedAnswer.code, 'TOKEN_REVOKED');
    assert.equal(told[0], revoked.stored.id);
    const withdrawn = await authenticator.withdrawn(new Set([short.stored.id, revoked.stored.id, 'gone']));
    assert.deepEqual([...withdrawn].sort(), [short.stored.id, revoked.stored.id, 'gone'].sort());
  });

  it('notices within two seconds that another process revoked a token', async () => {
    const { authenticator, clock, store, make } = setUp();
    const { token, stored } = await make();
    assert.ok((await authenticator.authenticate(token, 'a')).ok);
    await store.revoke(stored.id, clock.nowMs, BY_TEST);
    clock.nowMs += 2001;
    const answer = await authenticator.authenticate(token, 'a');
    assert.equal(answer.ok ? '' : answer.code, 'TOKEN_REVOKED');
  });

  it('goes on letting in who was good, while tokens cannot be looked up, and for minutes only', async () => {
    const { authenticator, clock, store, make } = setUp();
    const { token } = await make();
    const { token: unused } = await make();
    const { token: short } = await make(clock.nowMs + 60_000);
    for (const known of [token, short]) assert.ok((await authenticator.authenticate(known, 'a')).ok);
    const found = store.findByHash.bind(store);
    store.findByHash = () => Promise.reject(new Error('away'));
    const codeFor = async (which: string) => {
      const answer = await authenticator.authenticate(which, 'a');
      return answer.ok ? 'let in' : answer.code;
    };
    clock.nowMs += 2001;
    assert.equal(authenticator.authenticateKnown(token, 'a'), undefined, 'the store is asked first');
    assert.equal(await codeFor(token), 'let in');
    assert.equal(authenticator.authenticateKnown(token, 'a')?.ok, true, 'and not by each request');
    assert.equal(await codeFor(unused), 'UNAVAILABLE', 'never looked up before');
    assert.equal(await codeFor(newToken().token), 'UNAVAILABLE');
    clock.nowMs += 60_000;
    assert.equal(await codeFor(short), 'TOKEN_EXPIRED');
    assert.equal(await codeFor(token), 'let in');
    clock.nowMs += 9 * 60_000;
    assert.equal(authenticator.authenticateKnown(token, 'a'), undefined);
    assert.equal(await codeFor(token), 'UNAVAILABLE', 'the time is over');
    store.findByHash = found;
    assert.equal(await codeFor(token), 'let in');
  });

  it('waits no more than a second for a store that hangs, where it knows who asks', { timeout: 10_000 }, async () => {
    const { authenticator, clock, store, make } = setUp();
    const { token } = await make();
    assert.ok((await authenticator.authenticate(token, 'a')).ok);
    clock.nowMs += 2001;
    store.findByHash = () => new Promise(() => {});
    assert.ok((await authenticator.authenticate(token, 'a')).ok);
  });

  it('has no grace for a token that it knows to be revoked, by whomever', async () => {
    const { authenticator, clock, store, make } = setUp();
    const [here, elsewhere, seen] = [await make(), await make(), await make()];
    for (const { token } of [here, elsewhere, seen]) assert.ok((await authenticator.authenticate(token, 'a')).ok);
    await authenticator.revoke(here.stored.id, BY_TEST);
    for (const { stored } of [elsewhere, seen]) await store.revoke(stored.id, clock.nowMs, BY_TEST);
    clock.nowMs += 2001;
    assert.equal((await authenticator.authenticate(seen.token, 'a')).ok, false);
    await authenticator.withdrawn(new Set([elsewhere.stored.id]));
    store.findByHash = () => Promise.reject(new Error('away'));
    for (const { token } of [here, elsewhere, seen])
      assert.equal((await authenticator.authenticate(token, 'a')).ok, false);
  });

  it('makes the first key once, whoever else is at it', async () => {
    const { authenticator, clock, store } = setUp();
    const others = new Authenticator({ store, roles: () => ROLES, now: () => clock.nowMs });
    const order = { name: 'first-key', role: 'admin', expiresAtMs: null };
    const keys = await Promise.all([authenticator, others, others].map((each) => each.createFirst(order, BY_TEST)));
    assert.equal(keys.filter((key) => key !== undefined).length, 1);
    assert.equal((await store.list()).length, 1);
    assert.ok((await others.authenticate(keys.find((key) => key !== undefined) ?? '', 'a')).ok);
    store.create = () => Promise.reject(new Error('disk full'));
    store.rows.clear();
    await assert.rejects(authenticator.createFirst(order, BY_TEST), /disk full/);
  });

  it('looks a token up once while it is believed', async () => {
    const { authenticator, store, make } = setUp();
    const { token } = await make();
    for (let i = 0; i < 50; i++) assert.ok((await authenticator.authenticate(token, 'a')).ok);
    assert.equal(store.lookups, 1);
  });

  it('slows down who fails again and again from one address, and nobody with a valid token', async () => {
    const { authenticator, clock, make } = setUp(5);
    const { token } = await make();
    const fail = () => authenticator.authenticate(newToken().token, 'nat');
    for (let i = 0; i < 500; i++) await fail();
    const answer = await fail();
    assert.equal(answer.ok ? '' : answer.code, 'TOO_MANY_FAILURES');
    assert.ok(!answer.ok && answer.retryAfterMs !== undefined && answer.retryAfterMs <= 12_000);
    assert.ok((await authenticator.authenticate(token, 'nat')).ok, 'never seen before');
    clock.nowMs += 2001;
    await fail();
    assert.ok((await authenticator.authenticate(token, 'nat')).ok, 'to be looked up again');
    const other = await authenticator.authenticate(newToken().token, 'elsewhere');
    assert.equal(other.ok ? '' : other.code, 'TOKEN_INVALID');
    clock.nowMs += 12_000;
    const later = await fail();
    assert.equal(later.ok ? '' : later.code, 'TOKEN_INVALID');
  });

  it('says that tokens cannot be looked up when the store is down', async () => {
    const { authenticator, store } = setUp();
    store.findByHash = () => Promise.reject(new Error('disk'));
    const answer = await authenticator.authenticate(newToken().token, 'a');
    assert.equal(answer.ok ? '' : answer.code, 'UNAVAILABLE');
  });
});

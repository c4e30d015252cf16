import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { StoredToken, TokenStore } from '../../runtime/token-store.ts';

const BY_ANN = { user: 'ann', via: 'http', address: '10.0.0.7' } as const;
const BY_ROOT = { user: 'root', via: 'cli', address: null } as const;

const wall: StoredToken = {
  id: 't1',
  name: 'wall',
  role: 'viewer',
  hash: 'ab'.repeat(32),
  createdAtMs: 10,
  createdBy: 'cli',
  expiresAtMs: null,
  revokedAtMs: null,
  lastUsedAtMs: null,
};
const desk: StoredToken = { ...wall, id: 't2', hash: 'cd'.repeat(32), createdAtMs: 20, expiresAtMs: 99 };

/** What every store of tokens has to do, those of tests included. */
export function tokenStoreContract(
  name: string,
  open: (t: TestContext) => Promise<TokenStore>,
  options: { readonly skip: string | false } = { skip: false },
): void {
  const contract = (what: string, run: (store: TokenStore) => Promise<void>) =>
    test(`${name}: ${what}`, options, async (t) => run(await open(t)));

  contract('a token is found by its hash and by nothing else', async (store) => {
    await store.create(wall, BY_ANN);
    await store.create(desk, BY_ANN);
    assert.deepEqual(await store.findByHash(wall.hash), wall);
    assert.deepEqual(await store.findByHash(desk.hash), desk);
    for (const other of ['', 'nobody', wall.id, wall.hash.toUpperCase()])
      assert.equal(await store.findByHash(other), undefined);
  });

  contract('the newest token is listed first, whatever became of it', async (store) => {
    assert.deepEqual(await store.list(), []);
    await store.create(desk, BY_ANN);
    await store.create(wall, BY_ANN);
    await store.create({ ...wall, id: 't0', hash: 'ef'.repeat(32) }, BY_ANN);
    await store.revoke('t2', 30, BY_ANN);
    assert.deepEqual(
      (await store.list()).map(({ id, revokedAtMs }) => [id, revokedAtMs]),
      [
        ['t2', 30],
        ['t1', null],
        ['t0', null],
      ],
    );
  });

  contract('a token is revoked once', async (store) => {
    await store.create(wall, BY_ANN);
    assert.equal(await store.revoke('t1', 30, BY_ANN), true);
    assert.equal(await store.revoke('t1', 40, BY_ANN), false);
    assert.equal(await store.revoke('t3', 40, BY_ANN), false);
    assert.equal((await store.findByHash(wall.hash))?.revokedAtMs, 30);
  });

  contract('two tokens cannot have one id or one hash', async (store) => {
    await store.create(wall, BY_ANN);
    await assert.rejects(store.create({ ...desk, id: wall.id }, BY_ANN));
    await assert.rejects(store.create({ ...desk, hash: wall.hash }, BY_ANN));
    assert.deepEqual(await store.list(), [wall]);
    assert.equal((await store.changes(9)).length, 1, 'what did not happen is not told of');
  });

  contract('the last use of a token never goes back', async (store) => {
    await store.create(wall, BY_ANN);
    await store.touch('t1', 50);
    await store.touch('t1', 40);
    await store.touch('nobody', 60);
    assert.equal((await store.findByHash(wall.hash))?.lastUsedAtMs, 50);
  });

  contract('what was done to tokens is kept until the audit has it, oldest first', async (store) => {
    await store.create(desk, BY_ANN);
    await store.create(wall, BY_ANN);
    await store.revoke('t1', 10, BY_ROOT);
    assert.equal(await store.revoke('t1', 20, BY_ANN), false);
    assert.equal(await store.revoke('t9', 20, BY_ANN), false);
    const changes = await store.changes(9);
    const facts = ({ id, name: called, role, expiresAtMs }: StoredToken) => ({ id, name: called, role, expiresAtMs });
    assert.deepEqual(
      changes.map(({ id: _, ...change }) => change),
      [
        { kind: 'created', timeMs: 10, by: BY_ANN, token: facts(wall) },
        { kind: 'revoked', timeMs: 10, by: BY_ROOT, token: facts(wall) },
        { kind: 'created', timeMs: 20, by: BY_ANN, token: facts(desk) },
      ],
    );
    assert.equal(new Set(changes.map(({ id }) => id)).size, 3);
    assert.deepEqual(await store.changes(2), changes.slice(0, 2));
    await store.settleChanges([]);
    await store.settleChanges(['nobody', ...changes.slice(0, 1).map(({ id }) => id)]);
    assert.deepEqual(await store.changes(9), changes.slice(1));
  });
}

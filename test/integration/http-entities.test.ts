/**
 * Goal: an actor that is stopped can be started again by those who may, by nobody else, and the audit has it.
 * Method: the people's side over a runtime that says how the restart ended.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { problem, startTestFront, type TestFront } from '../support/front.ts';

const PATH = '/api/v1/entities/asset/pump-1/restart';
let front: TestFront;
before(async () => {
  front = await startTestFront();
});
after(() => front.close());
beforeEach(() => {
  front.runtime.restarts.length = 0;
  front.runtime.restarted = { ok: true };
});

const restarts = () => front.accessRecords().filter(({ kind }) => kind === 'EntityRestarted');

test('an administrator restarts an entity, and the audit has who, what and how it ended', async () => {
  const answer = await front.post(PATH, {});
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), { entity: 'asset/pump-1', status: 'live' });
  assert.deepEqual(front.runtime.restarts, ['asset/pump-1']);
  const [row] = restarts();
  assert.ok(row?.kind === 'EntityRestarted');
  assert.deepEqual([row.entity, row.outcome, row.by.user, row.by.via], ['asset/pump-1', 'live', 'admin-1', 'http']);
});

test('one that crashes again is said to, and stands in the audit too', async () => {
  front.runtime.restarted = { ok: false, code: 'UNAVAILABLE', message: 'it crashed again: boom' };
  assert.deepEqual(await problem(front.post(PATH, {})), [503, 'UNAVAILABLE', undefined]);
  const row = restarts().at(-1);
  assert.equal(row?.kind === 'EntityRestarted' && row.outcome, 'UNAVAILABLE');
});

test('what runs, or is not there, is refused and leaves no trace', async () => {
  const before = restarts().length;
  front.runtime.restarted = { ok: false, code: 'INVALID_STATE_TRANSITION', message: 'asset/pump-1 is live' };
  assert.deepEqual(await problem(front.post(PATH, {})), [422, 'INVALID_STATE_TRANSITION', undefined]);
  front.runtime.restarted = { ok: false, code: 'NOT_FOUND', message: 'there is no asset/pump-1 here' };
  assert.deepEqual(await problem(front.post(PATH, {})), [404, 'NOT_FOUND', undefined]);
  assert.equal(restarts().length, before);
});

test('nobody else may, whatever else they may do', async () => {
  for (const role of ['engineer', 'operator', 'viewer'] as const) {
    const refused = await problem(front.post(PATH, {}, { token: front.token[role] }));
    assert.deepEqual(refused, [403, 'FORBIDDEN', undefined]);
  }
  assert.deepEqual(front.runtime.restarts, []);
});

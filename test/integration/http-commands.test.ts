import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { problem, type TestFront } from '../support/front.ts';
import { startScene } from '../support/front-scene.ts';

describe('commands over HTTP', () => {
  let t: TestFront;
  before(async () => {
    t = await startScene();
  });
  after(() => t.close());

  it("sends commands with the caller's key, name and permissions", async () => {
    t.runtime.answer = ({ command }) => ({ ok: true, result: JSON.parse(JSON.stringify(command)), repeated: false });
    const path = '/api/v1/alarms/asset%2Fpump-1:hot/shelve';
    const body = { durationMs: 60_000, reason: 'nuisance' };
    const init = { token: t.token.operator, headers: { 'idempotency-key': 'k-1' } };
    const first = await (await t.post(path, body, init)).json();
    assert.deepEqual(first, {
      result: { kind: 'ShelveAlarm', rule: 'hot', ...body },
      repeated: false,
      commandId: 'k-1',
    });
    assert.equal((await (await t.post(path, body, init)).json()).repeated, true);
    const asked = t.runtime.asked.at(-1);
    assert.equal(asked?.to, 'asset/pump-1');
    assert.deepEqual(asked?.options.by, { user: 'operator-1', via: 'http' });
    const made = await (await t.post('/api/v1/workorders', { title: ' Bearing ', asset: 'pump-1' })).json();
    assert.equal(made.result.kind, 'RequestWorkOrder');
    assert.deepEqual(made.result, { kind: 'RequestWorkOrder', draft: { title: 'Bearing', asset: 'pump-1' } });
    const moved = await (
      await t.post('/api/v1/workorders/WO-20260301-00001/transitions/hold', { holdReason: 'weather' })
    ).json();
    assert.deepEqual(moved.result, { kind: 'TransitionWorkOrder', transition: 'hold', holdReason: 'weather' });
    const written = await (await t.post('/api/v1/devices/d001/points/flow/write', { value: 3 })).json();
    assert.deepEqual(written.result, { kind: 'WritePoint', point: 'flow', value: 3 });
    const empty = await t.request('/api/v1/alarms/asset%2Fpump-1:hot/acknowledge', { method: 'POST' });
    assert.equal(empty.status, 200);
  });

  it('acknowledges a list, each alarm for itself', async () => {
    t.runtime.answer = ({ command }) =>
      JSON.stringify(command).includes('"dry"')
        ? { ok: false, code: 'NOT_ACTIVE', message: 'is normal' }
        : { ok: true, result: null, repeated: false };
    const init = { headers: { 'idempotency-key': 'bulk' } };
    const body = { ids: ['asset/pump-1:hot', 'asset/pump-1:dry', 'asset/pump-1:hot'] };
    const { items } = await (await t.post('/api/v1/alarms/acknowledge', body, init)).json();
    assert.deepEqual(items, [
      { id: 'asset/pump-1:hot', ok: true },
      { id: 'asset/pump-1:dry', ok: false, code: 'NOT_ACTIVE', message: 'is normal' },
    ]);
    assert.deepEqual(await problem(t.post('/api/v1/alarms/acknowledge', { ids: [] })), [422, 'INVALID_BODY', 'ids']);
  });

  it('turns a refusal into its status', async () => {
    const path = '/api/v1/devices/d001/points/flow/write';
    const statuses = {
      INVALID_COMMAND: 422,
      FORBIDDEN: 403,
      NOT_FOUND: 404,
      INVALID_STATE_TRANSITION: 422,
      OVERLOADED: 503,
      UNAVAILABLE: 503,
      TIMEOUT: 504,
      SOMETHING_OF_AN_ACTOR: 422,
    };
    for (const [refusal, status] of Object.entries(statuses)) {
      t.runtime.answer = () => ({ ok: false, code: refusal, message: 'no', field: 'value' });
      const response = await t.post(path, { value: 1 });
      assert.equal(response.status, status);
      assert.equal(response.headers.has('retry-after'), status === 503, refusal);
      const { error } = await response.json();
      assert.deepEqual([error.code, error.field], [refusal, 'value']);
    }
  });

  it('names what is wrong as the request does', async () => {
    t.runtime.answer = () => ({
      ok: false,
      code: 'UNKNOWN_ASSET',
      message: 'there is no such asset',
      field: 'draft.asset',
    });
    const draft = { title: 'Bearing', asset: 'nosuch' };
    assert.deepEqual(await problem(t.post('/api/v1/workorders', draft)), [422, 'UNKNOWN_ASSET', 'asset']);
  });

  it('takes a key for one command only', async () => {
    t.runtime.answer = () => ({ ok: true, result: null, repeated: false });
    const path = '/api/v1/workorders/WO-20260301-00001/comments';
    const key = { headers: { 'idempotency-key': 'once' } };
    assert.equal((await t.post(path, { text: 'a' }, key)).status, 200);
    const asked = t.runtime.asked.length;
    assert.deepEqual(await problem(t.post(path, { text: 'b' }, key)), [422, 'COMMAND_ID_REUSED', 'Idempotency-Key']);
    assert.equal(t.runtime.asked.length, asked);
    const other = await (await t.post(path, { text: 'b' }, { ...key, token: t.token.operator })).json();
    assert.equal(other.repeated, false, 'another user has keys of their own');
  });

  it('refuses bodies that are not what they should be, and says what is wrong', async () => {
    const path = '/api/v1/alarms/asset%2Fpump-1:hot/shelve';
    const raw = (body: string, type = 'application/json') =>
      problem(t.request(path, { method: 'POST', body, headers: { 'content-type': type } }));
    assert.deepEqual(await raw('{'), [400, 'BAD_JSON', undefined]);
    assert.deepEqual(await raw('{}'), [422, 'INVALID_BODY', 'durationMs']);
    assert.deepEqual(await raw('[]'), [422, 'INVALID_BODY', undefined]);
    assert.deepEqual(await raw('{"durationMs":60000,"reason":" "}'), [422, 'INVALID_BODY', 'reason']);
    assert.deepEqual(await raw('{"durationMs":60000,"reason":"x","who":1}'), [422, 'INVALID_BODY', 'who']);
    assert.deepEqual(await raw('{}', 'text/plain'), [415, 'UNSUPPORTED_MEDIA_TYPE', undefined]);
    assert.deepEqual(await raw('{"durationMs":60000,"reason":"a\\u0000b"}'), [400, 'BAD_JSON', undefined]);
    assert.deepEqual(await raw('{"durationMs":60000,"reason":"\\ud800"}'), [400, 'BAD_JSON', undefined]);
    assert.deepEqual(await raw(`{"reason":${'['.repeat(30_000)}"\\u00e9"${']'.repeat(30_000)}}`), [
      400,
      'BAD_JSON',
      undefined,
    ]);
    assert.deepEqual(await raw(`{"reason":${'['.repeat(30_000)}${']'.repeat(30_000)}}`), [
      422,
      'INVALID_BODY',
      'durationMs',
    ]);
    const send = (bytes: Uint8Array, headers: Record<string, string>) =>
      problem(
        t.request(path, {
          method: 'POST',
          body: new Blob([new Uint8Array(bytes)]),
          headers: { 'content-type': 'application/json', ...headers },
        }),
      );
    assert.deepEqual(await send(Buffer.from('7b22ff227d', 'hex'), {}), [400, 'BAD_JSON', undefined]);
    assert.deepEqual(await send(gzipSync('{}'), { 'content-encoding': 'gzip' }), [
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      undefined,
    ]);
    assert.deepEqual(await raw(`"${'x'.repeat(70_000)}"`), [413, 'TOO_LARGE', undefined]);
    assert.deepEqual(await problem(t.post('/api/v1/alarms/nonsense/reset', {})), [400, 'INVALID_REQUEST', 'id']);
    assert.deepEqual(await problem(t.request(path, { method: 'PATCH', body: '{}' })), [
      405,
      'METHOD_NOT_ALLOWED',
      undefined,
    ]);
    assert.deepEqual(await problem(t.request('/api/v1/nothing')), [404, 'NOT_FOUND', undefined]);
    const key = { headers: { 'idempotency-key': 'x'.repeat(121) } };
    assert.deepEqual(await problem(t.post(path, {}, key)), [400, 'INVALID_REQUEST', 'Idempotency-Key']);
  });
});

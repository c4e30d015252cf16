import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONGESTED_BYTES, Connection, type Socket } from '../../../../gateways/websocket/connection.ts';
import type { ValueFeed } from '../../../../gateways/websocket/value-lane.ts';

const SHOWN = { isReady: true, ready: Promise.resolve(), release: () => undefined };
const identity = { tokenId: 't', user: 'u', role: 'viewer', permissions: [], expiresAtMs: null };

/** A socket that takes nothing until it is drained. */
function connect() {
  const waiting: string[] = [];
  const size = () => waiting.reduce((sum, text) => sum + text.length, 0);
  const socket: Socket = {
    getUserData: () => ({ identity, address: '127.0.0.1', connection: undefined }),
    getBufferedAmount: size,
    send: (message) => waiting.push(String(message)),
    end: () => {},
    close: () => {},
  };
  const connection = new Connection(socket);
  return { connection, drain: () => waiting.splice(0).map((text) => JSON.parse(text)) };
}

test('every subscription of a client that is always congested has its turn', () => {
  const { connection, drain } = connect();
  const served: string[] = [];
  const much = 'x'.repeat(CONGESTED_BYTES);
  const feed = (sub: string): ValueFeed => ({
    outlet: connection,
    sub,
    upTo: 0,
    walk: undefined,
    behindSince: 0,
    pump: () => {
      served.push(sub);
      connection.json({ op: 'delta', sub, much });
    },
    close: () => {},
  });
  for (const sub of ['a', 'b', 'c']) connection.subscriptions.set(sub, { interest: SHOWN, values: feed(sub) });
  for (let turn = 0; turn < 4; turn++) {
    connection.pump();
    connection.pump();
    assert.equal(drain().length, 1, 'nothing more once it is congested');
  }
  assert.deepEqual(served, ['a', 'b', 'c', 'a']);
  connection.unsubscribe('a');
  connection.pump();
  assert.equal(served.at(-1), 'b', 'also when the one that was served last is gone');
});

test('frames are numbered without a gap, and a closed socket is left alone', () => {
  const { connection, drain } = connect();
  connection.json({ op: 'pong' });
  connection.frame('"op":"delta","items":', Buffer.from('["ü"]'));
  assert.deepEqual(drain(), [
    { seq: 1, op: 'pong' },
    { seq: 2, op: 'delta', items: ['ü'] },
  ]);
  connection.gone();
  connection.json({ op: 'pong' });
  assert.deepEqual(drain(), []);
});

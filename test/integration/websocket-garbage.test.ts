import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { TestFront } from '../support/front.ts';
import { startPushScene } from '../support/push-scene.ts';

describe('a client that talks nonsense', () => {
  let t: TestFront;
  before(async () => {
    t = await startPushScene();
  });
  after(() => t.close());

  it('answers every malformed frame with its fault, and after twenty closes', async () => {
    const client = await t.connect(t.token.viewer);
    client.send('not json');
    client.send('{"op":"fly"}');
    client.send({ op: 'subscribe', sub: 's', topic: 'moons' });
    client.send({ op: 'subscribe', sub: 's', topic: 'assets', extra: 1 });
    client.send({ op: 'unsubscribe', sub: 'none' });
    client.send(JSON.stringify({ op: 'ping', id: 'x'.repeat(70_000) }));
    client.socket.send(Buffer.from([1, 2, 3]));
    await client.waitFor('errors', (c) => c.of('error').length === 7);
    assert.deepEqual(
      client.of('error').map(({ code, field }) => [code, field]),
      [
        ['BAD_JSON', undefined],
        ['BAD_FRAME', 'op'],
        ['BAD_FRAME', 'topic'],
        ['BAD_FRAME', 'extra'],
        ['NOT_SUBSCRIBED', undefined],
        ['TOO_LARGE', undefined],
        ['BAD_FRAME', undefined],
      ],
    );
    for (let i = 0; i < 13; i++) client.send('[]');
    await client.waitFor('close', (c) => c.closed !== undefined);
    assert.equal(client.closed?.code, 1008);
  });

  it('survives garbage', async () => {
    let seed = 12_345;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const pieces = [
      '{',
      '}',
      '[',
      '"op"',
      ':',
      '"subscribe"',
      '"sub"',
      ',',
      'null',
      '1e999',
      '"\\ud800"',
      '__proto__',
      '"filter"',
      'topic',
      '\u0000',
      '"alarms"',
    ];
    for (let round = 0; round < 30; round++) {
      const client = await t.connect(t.token.viewer);
      for (let i = 0; i < 25; i++) {
        client.send(Array.from({ length: random(12) }, () => pieces[random(pieces.length)]).join(''));
      }
      await client.waitFor('close', (c) => c.closed !== undefined);
      const raw = net.connect(t.front.port, '127.0.0.1');
      raw.on('error', () => {});
      raw.end(Buffer.from(Array.from({ length: 200 }, () => random(256))));
    }
    const client = await t.connect(t.token.viewer);
    await client.waitFor('hello', (c) => c.frames.length > 0);
    assert.deepEqual(
      t.lines.filter(({ level }) => level === 'error'),
      [],
    );
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesOf } from '../../../../runtime/nats/connection.ts';
import { firstPositionOf, lastPositionOf, positionOf, sequenceAfter } from '../../../../runtime/nats/positions.ts';
import { checkVersion } from '../../../../runtime/nats/stream.ts';

test('a URL is taken apart into what may be shown and what may not', () => {
  assert.deepEqual(addressesOf('nats://localhost'), { addresses: ['localhost:4222'], auth: {} });
  assert.deepEqual(addressesOf('tls://plant:s%40fe@a.example:4443, tls://b.example'), {
    addresses: ['a.example:4443', 'b.example:4222'],
    auth: { user: 'plant', pass: 's@fe', tls: {} },
  });
  assert.deepEqual(addressesOf('nats://t0ken@[::1]:4222'), { addresses: ['[::1]:4222'], auth: { token: 't0ken' } });
  for (const url of ['', 'localhost:4222', 'http://localhost', 'nats://', 'nats://a,,nats://b']) {
    assert.throws(() => addressesOf(url), { code: 'NATS_URL_INVALID' }, url);
  }
});

test('replicas are refused on a server before 2.10.27, and one is not', () => {
  for (const version of ['2.9.10', '2.10.26', 'v2.10.9', '2.10.27-beta.1', '1.99.99']) {
    assert.throws(() => checkVersion(version, 3), { code: 'NATS_TOO_OLD', retryable: false }, version);
    checkVersion(version, 1);
  }
  for (const version of ['2.10.27', '2.11.0', 'v2.12.1', '3.0.0']) checkVersion(version, 3);
});

test('positions of a message lie between those of its neighbours, and lead back to it', () => {
  for (const sequence of [1, 2, 1000, 2 ** 40]) {
    for (const count of [1, 7, 1024]) {
      const first = positionOf(sequence, 0, count);
      const last = positionOf(sequence, count - 1, count);
      assert.equal(last, lastPositionOf(sequence));
      assert.ok(first >= firstPositionOf(sequence) && first > lastPositionOf(sequence - 1));
      assert.equal(sequenceAfter(first - 1), sequence);
      assert.equal(sequenceAfter(last), sequence + 1);
      assert.ok(Number.isSafeInteger(last));
    }
  }
  assert.equal(sequenceAfter(0), 1);
  assert.equal(lastPositionOf(0), 0);
});

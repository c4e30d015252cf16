import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf, RedisLink } from '../../../../runtime/redis/connection.ts';
import { until } from '../../../support/condition.ts';
import { freePort } from '../../../support/mosquitto.ts';

test('an address is taken apart, and what is shown of it has nothing secret', () => {
  const { server, options } = addressOf('rediss://user:p%40ss@redis.example:7000/3');
  assert.equal(server, 'redis.example:7000');
  assert.deepEqual(options, {
    host: 'redis.example',
    port: 7000,
    db: 3,
    username: 'user',
    password: 'p@ss',
    tls: { servername: 'redis.example' },
  });
  assert.deepEqual(addressOf('redis://[::1]').options, { host: '::1', port: 6379, db: 0 });
});

test('what is no address of Redis is refused with a code, without repeating it', () => {
  for (const url of ['redis.example:6379', 'http://redis.example', 'redis://host/x', 'redis://user:secret@/0', '']) {
    assert.throws(
      () => addressOf(url),
      (error: Error) => {
        assert.equal(error.name, 'REDIS_URL_INVALID', url);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  }
});

test('where there is no Redis it is said where and why, and nothing is queued', async () => {
  const link = new RedisLink(`redis://:secret@127.0.0.1:${await freePort()}`, 'test');
  try {
    await until('the reason is known', () => link.state.detail.includes('ECONNREFUSED'));
    assert.equal(link.state.connected, false);
    assert.doesNotMatch(link.state.detail, /secret/);
    await assert.rejects(link.client.ping());
  } finally {
    link.close();
  }
});

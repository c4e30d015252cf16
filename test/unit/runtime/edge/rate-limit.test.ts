import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RateLimit } from '../../../../runtime/edge/rate-limit.ts';

test('over any time no more passes than the rate, one burst and the message under way', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 10, max: 10_000 }), (messages, rate) => {
      const limit = new RateLimit(rate, 1000);
      let nowMs = 0;
      let passed = 0;
      for (const bytes of messages) {
        nowMs += limit.waitMs(nowMs);
        assert.equal(limit.waitMs(nowMs), 0, 'after the wait it passes');
        limit.take(bytes, nowMs);
        passed += bytes;
        assert.ok(passed <= 1000 + (nowMs * rate) / 1000 + bytes);
      }
    }),
  );
});

test('a rest earns one burst and no more, and a clock that is set back earns nothing', () => {
  const limit = new RateLimit(1000, 500);
  limit.take(500, 0);
  assert.ok(limit.waitMs(0) > 0);
  assert.equal(limit.waitMs(1_000_000), 0);
  limit.take(500, 1_000_000);
  assert.ok(limit.waitMs(1_000_000) > 0);
  assert.ok(limit.waitMs(5) > 0);
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RateLimit } from '../../../../gateways/auth/rate-limit.ts';

describe('a rate limit', () => {
  it('lets no more through than its rate and its burst allow, whenever the calls come', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 300 }), (pausesMs) => {
        const limit = new RateLimit(60);
        let nowMs = 0;
        let taken = 0;
        for (const pauseMs of pausesMs) {
          nowMs += pauseMs;
          if (limit.take('k', nowMs) === 0) taken++;
        }
        assert.ok(taken <= 60 + nowMs / 1000 + 1e-6);
      }),
    );
  });

  it('says how long to wait, and keeps its word', () => {
    const limit = new RateLimit(2);
    assert.equal(limit.take('k', 0), 0);
    assert.equal(limit.take('k', 0), 0);
    const waitMs = limit.take('k', 0);
    assert.equal(waitMs, 30_000);
    assert.ok(limit.take('k', waitMs - 1) > 0);
    assert.equal(limit.take('k', waitMs + 1), 0);
  });

  it('keeps keys apart and remembers a bounded number of them', () => {
    const limit = new RateLimit(1, 10);
    for (let i = 0; i < 1000; i++) {
      assert.equal(limit.take(`k${i}`, 0), 0);
      if (i > 0) assert.ok(limit.take('k0', 0) > 0, 'who comes all the time is not forgotten');
    }
    assert.ok(limit.take('k999', 0) > 0);
  });
});

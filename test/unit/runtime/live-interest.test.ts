import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { LiveInterest } from '../../../runtime/live-interest.ts';

test('a group is followed from the first who looks until a while after the last', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let changes = 0;
    const interest = new LiveInterest({ lingerMs: 1000, changed: () => changes++ });
    const first = interest.add(['north', 'south']);
    const second = interest.add(['north']);
    assert.equal(changes, 1, 'the second changes nothing');
    first();
    first();
    second();
    assert.deepEqual([...interest.groups], ['north', 'south']);
    mock.timers.tick(999);
    const third = interest.add(['north']);
    mock.timers.tick(1000);
    assert.deepEqual([...interest.groups], ['north'], 'who came back in time is followed on');
    assert.equal(changes, 2);
    const all = interest.add(['*']);
    assert.deepEqual([...interest.groups], ['*']);
    assert.ok(interest.covers('anything'));
    third();
    all();
    mock.timers.tick(1000);
    assert.deepEqual([...interest.groups], []);
    assert.ok(!interest.covers('north'));
  } finally {
    mock.timers.reset();
  }
});

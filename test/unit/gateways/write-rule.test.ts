import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalOf, type WriteMoment } from '../../../gateways/write-rule.ts';
import { after } from '../../../runtime/cluster/instant.ts';

const start = { monoMs: 0, wallMs: 1e12 };
const write = { epoch: 4, deadline: after(start, 1000) };
const judged = (moment: Partial<WriteMoment>) =>
  refusalOf(write, { at: start, mayAct: true, highestEpoch: undefined, ...moment });

test('a write leaves until its deadline, by both clocks', () => {
  assert.equal(judged({ at: after(start, 999) }), null);
  assert.equal(judged({ at: after(start, 1000) }), 'deadline_passed');
  assert.equal(judged({ at: { monoMs: 1, wallMs: 1e12 + 1000 } }), 'deadline_passed', 'the machine was suspended');
  assert.equal(
    judged({ at: { monoMs: 1000, wallMs: 1e12 } }),
    'deadline_passed',
    'somebody has set the wall clock back',
  );
});

test('a write whose device went to another node does not leave, though its time still runs', () => {
  assert.equal(judged({ mayAct: false }), 'authority_lost');
});

test('a write leaves under an epoch that no newer one has overtaken', () => {
  assert.equal(judged({ highestEpoch: 3 }), null);
  assert.equal(judged({ highestEpoch: 4 }), null);
  assert.equal(judged({ highestEpoch: 5 }), 'epoch_stale');
});

test('no write leaves while nobody can tell under which epoch its device was written', () => {
  assert.equal(judged({ highestEpoch: null }), 'epoch_unknown');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommitEffect, type CommitInput, GroupCommit } from '../../../runtime/group-commit.ts';

const AWAY = new Error('away');

/** Turns are letters; a small one leads to nothing elsewhere. */
function bench(batchTurns = 512) {
  const group = new GroupCommit<string, string>({ batchTurns, leadsElsewhere: (turn) => turn === turn.toUpperCase() });
  const commit = (...turns: string[]) => turns.flatMap((turn) => told(group.take({ kind: 'commit', turn })));
  const take = (input: CommitInput<string, string>) => told(group.take(input));
  return { group, commit, take };
}

function told(effects: readonly CommitEffect<string, string>[]): string[] {
  return effects.map((effect) => {
    switch (effect.kind) {
      case 'append':
        return `append ${effect.turns.join('')}`;
      case 'answered':
        return `${effect.turn} ${effect.answer}`;
      case 'found':
        return `found ${effect.turn} at ${effect.position}`;
      case 'readBack':
      case 'refused':
        return `${effect.kind} ${effect.turn}`;
      case 'outcome':
        return effect.error === undefined ? 'took it' : 'failed';
      default:
        return effect.kind;
    }
  });
}

const failed = { kind: 'appendFailed', error: AWAY, away: false } as const;

test('what comes in one moment goes in one batch, and what comes while it is under way in the next', () => {
  const { group, commit, take } = bench();
  assert.deepEqual(commit('A', 'B'), ['gather']);
  assert.deepEqual(take({ kind: 'gathered' }), ['append AB']);
  assert.deepEqual(commit('C', 'D'), []);
  assert.deepEqual(take({ kind: 'appended', answers: ['yes', 'no'] }), ['took it', 'A yes', 'B no', 'append CD']);
  assert.equal(group.idle, false);
  assert.deepEqual(take({ kind: 'appended', answers: ['yes', 'yes'] }), ['took it', 'C yes', 'D yes']);
  assert.equal(group.idle, true);
});

test('a batch has its bound, and the rest keeps its order', () => {
  const { commit, take } = bench(2);
  commit('A', 'B', 'C', 'D', 'E');
  assert.deepEqual(take({ kind: 'gathered' }), ['append AB']);
  assert.deepEqual(take({ kind: 'appended', answers: ['1', '2'] }).at(-1), 'append CD');
  assert.deepEqual(take({ kind: 'appended', answers: ['3', '4'] }).at(-1), 'append E');
});

test('after a batch without an answer nothing is appended before each of its turns was read back', () => {
  const { commit, take } = bench();
  commit('A', 'B');
  take({ kind: 'gathered' });
  commit('C');
  assert.deepEqual(take(failed), ['failed', 'refused A', 'refused B', 'readBack A']);
  assert.deepEqual(commit('D'), []);
  assert.deepEqual(take({ kind: 'readBack', position: 7 }), ['found A at 7', 'readBack B']);
  assert.deepEqual(take({ kind: 'readBack', position: undefined }), ['settled', 'append CD']);
});

test('what leads to nothing elsewhere is not read back', () => {
  const { group, commit, take } = bench();
  commit('a', 'b');
  take({ kind: 'gathered' });
  assert.deepEqual(take(failed), ['failed', 'refused a', 'refused b']);
  assert.equal(group.unsettled, false);
  commit('C');
  assert.deepEqual(take({ kind: 'gathered' }), ['append C']);
});

test('while the journal is away nobody waits behind a batch that failed', () => {
  const { group, commit, take } = bench(1);
  commit('A', 'B', 'C');
  take({ kind: 'gathered' });
  assert.deepEqual(take({ ...failed, away: true }), ['failed', 'refused A', 'refused B', 'refused C']);
  assert.equal(group.idle, true);
  assert.deepEqual(take({ kind: 'settle' }), ['readBack A'], 'what was never sent is not asked for');
});

test('it is settled when somebody asks, also where nothing waits; a reading that fails is told and begun again', () => {
  const { group, commit, take } = bench();
  assert.deepEqual(take({ kind: 'settle' }), ['settled'], 'there is nothing');
  commit('A');
  take({ kind: 'gathered' });
  take({ ...failed, away: true });
  assert.deepEqual(take({ kind: 'settle' }), ['readBack A']);
  assert.deepEqual(take({ kind: 'settle' }), [], 'it is under way');
  assert.deepEqual(take({ kind: 'readBackFailed', error: AWAY, away: true }), ['unsettled']);
  assert.equal(group.unsettled, true);
  commit('B');
  assert.deepEqual(take({ kind: 'gathered' }), ['readBack A']);
  assert.deepEqual(take({ kind: 'readBackFailed', error: AWAY, away: false }), ['unsettled', 'failed', 'refused B']);
  commit('C');
  assert.deepEqual(take({ kind: 'settle' }), ['readBack A'], 'also while turns gather');
  assert.deepEqual(take({ kind: 'gathered' }), []);
  assert.deepEqual(take({ kind: 'readBack', position: 3 }), ['found A at 3', 'settled', 'append C']);
});

test('an answer that no append asked for is a defect', () => {
  const { commit, take } = bench();
  assert.throws(() => take({ kind: 'appended', answers: [] }), { code: 'INVARIANT_BROKEN' });
  commit('A', 'B');
  take({ kind: 'gathered' });
  assert.throws(() => take({ kind: 'readBack', position: 1 }), { code: 'INVARIANT_BROKEN' });
  assert.throws(() => take({ kind: 'appended', answers: ['yes'] }), { code: 'INVARIANT_BROKEN' });
});

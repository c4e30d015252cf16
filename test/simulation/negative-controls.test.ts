import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Damage } from './checker.ts';
import type { Sabotage } from './plant.ts';
import { simulate } from './simulate.ts';

/**
 * Goal: to know that the checker can see damage at all. Method: one safeguard is taken away, and within so many seeds the
 * damage that it prevents has to be found; the same seed with the safeguard in place is sound.
 */
const WITHIN_SEEDS = 1000;

const CONTROLS: readonly {
  readonly without: string;
  readonly sabotage: Sabotage;
  readonly damage: readonly Damage[];
}[] = [
  { without: 'the fence in the journal', sabotage: { noFence: true }, damage: ['row-below-fence'] },
  {
    without: 'building entities again after a commit of unknown outcome (taken for committed)',
    sabotage: { noReadBack: 'believes-committed' },
    damage: ['acknowledged-not-present'],
  },
  {
    without: 'building entities again after a commit of unknown outcome (taken for lost)',
    sabotage: { noReadBack: 'believes-lost' },
    damage: ['refused-but-present'],
  },
  {
    without: 'making known what a commit of unknown outcome leads to',
    sabotage: { noSettling: true },
    damage: ['not-settled-in-time'],
  },
  {
    without: 'giving up what had no answer before anything is read',
    sabotage: { noGivingUp: true },
    damage: ['not-settled-in-time', 'begun-twice', 'written-without-commit'],
  },
  {
    without: 'reading back what was decided while the journal was away (taken for recorded)',
    sabotage: { noUnrecordedReadBack: true },
    damage: ['decision-not-recorded', 'history-not-sequential'],
  },
  {
    without: 'the place in the log up to which the journal has decisions',
    sabotage: { noLogPosition: true },
    damage: ['command-twice'],
  },
  {
    without: 'the check of the deadline before a write to a device',
    sabotage: { noDeadline: true },
    damage: ['written-by-fenced-owner'],
  },
  {
    without: 'the last look before a write leaves',
    sabotage: { noLastLook: true },
    damage: ['written-by-fenced-owner'],
  },
  {
    without: 'the numbers of requests',
    sabotage: { noSessions: true },
    damage: ['order-of-sender', 'refused-but-present'],
  },
];

for (const { without, sabotage, damage } of CONTROLS) {
  test(`without ${without} the checker finds ${damage.join(' or ')}`, { timeout: 120_000 }, (context) => {
    const seed = firstDamaged(sabotage);
    assert.ok(seed !== undefined, `${WITHIN_SEEDS} seeds and no damage`);
    context.diagnostic(`seed ${seed}`);
    const found = simulate(seed, sabotage).damage?.damage;
    assert.ok(found && damage.includes(found), found);
    assert.equal(simulate(seed).damage, undefined, 'sound with the safeguard in place');
  });
}

function firstDamaged(sabotage: Sabotage): number | undefined {
  for (let seed = 0; seed < WITHIN_SEEDS; seed++) if (simulate(seed, sabotage).damage) return seed;
  return undefined;
}

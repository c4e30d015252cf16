import { test } from 'node:test';
import { killRun } from './kill.ts';

const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);

// One kill of each kind (`momentToKill`), and the broker restarted on the way; fifty of them by hand, see `kill.ts`.
test('killed three times under load, the product has lost nothing and decided nothing twice', {
  timeout: 120_000,
}, async (t) => {
  t.diagnostic(`CHAOS_SEED=${SEED}`);
  const figures = await killRun({ kills: 3, seed: SEED });
  for (const [what, figure] of Object.entries(figures)) t.diagnostic(`${what}: ${figure}`);
});

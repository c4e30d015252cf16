import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { View } from '../../../runtime/actor-kind.ts';
import type { EntityId } from '../../../runtime/ids.ts';
import { shardOf } from '../../../runtime/ownership.ts';
import { type LiveNode, QUICK, thing } from '../../support/live-nodes.ts';
import { FAN, inCell, type MemoryCell, MIXER, PUMP } from '../../support/memory-cell.ts';
import type { MemoryLiveLane } from '../../support/memory-live-lane.ts';

const IDS = [PUMP, FAN, MIXER, thing('south', 'drill'), thing('east', 2)];
/** Long enough for beats after the last frame that was lost, and for whatever is marked to be marked. */
const SETTLED_MS = QUICK.silentAfterMs + 4 * QUICK.beatIntervalMs;

const entity = fc.constantFrom(...IDS);
const key = fc.constantFrom('x', 'y');
const node = fc.nat(2);
const STEPS = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant('set' as const), entity, key, value: fc.option(fc.nat(3)) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('replace' as const), entity, key, value: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('move' as const), entity, to: node }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('show late' as const), entity }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('lose frames' as const), from: node, count: fc.nat(4) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pause' as const), ms: fc.nat(12) }) },
  ),
  { minLength: 10, maxLength: 60 },
);
type Step = (typeof STEPS extends fc.Arbitrary<infer Steps extends readonly unknown[]> ? Steps : never)[number];
/** On its way, frame by frame, and between two flushes: longer than the other, and shorter. */
const DELAYS_MS = fc.array(fc.nat(6), { minLength: 1, maxLength: 9 });
const FLUSH_INTERVAL_MS = 3;

test('whatever is lost, cut or moved, in the end every node shows what the owners show', async () => {
  assert.equal(new Set(IDS.map(shardOf)).size, IDS.length, 'each may move by itself');
  await fc.assert(
    fc.asyncProperty(STEPS, DELAYS_MS, (steps, delaysMs) => inCell((cell) => run(cell, steps, delaysMs))()),
    { numRuns: 60, includeErrorInReport: true, endOnFailure: true },
  );
});

async function run(
  { node, hub, time }: MemoryCell,
  steps: readonly Step[],
  delaysMs: readonly number[],
): Promise<void> {
  let sent = 0;
  hub.delayMs = () => delaysMs[sent++ % delaysMs.length] ?? 0;
  const nodes = ['a', 'b', 'c'].map((name) => node(name, { flushIntervalMs: FLUSH_INTERVAL_MS }));
  const owners = new Map<EntityId, LiveNode>();
  let epoch = 1;
  for (const [index, id] of IDS.entries()) {
    const owner = nodes[index % nodes.length];
    if (owner !== undefined) owners.set(id, owner.own(epoch, id));
  }
  for (const one of nodes) one.live.want('all');
  let losing: { from: MemoryLiveLane | undefined; left: number } = { from: undefined, left: 0 };
  hub.passes = (_group, _frame, from) => from !== losing.from || losing.left-- <= 0;

  const move = (id: EntityId, from: LiveNode, to: LiveNode): void => {
    const last = from.view(id) ?? { g0: { x: 0 } };
    from.lose(id);
    owners.set(id, to.own(++epoch, id));
    to.replace(id, last);
  };
  const take = async (step: Step): Promise<void> => {
    if (step.kind === 'pause') return time.pass(step.ms);
    if (step.kind === 'lose frames') {
      losing = { from: nodes[step.from]?.lane, left: step.count };
      return;
    }
    const { entity: id } = step;
    const owner = owners.get(id);
    if (owner === undefined) return;
    if (step.kind === 'set') {
      const group = `g${step.value ?? 0}`;
      owner.set(id, { [group]: { ...owner.view(id)?.[group], [step.key]: step.value } });
    }
    if (step.kind === 'replace') owner.replace(id, { g0: { [step.key]: step.value } });
    if (step.kind === 'show late') for (const one of nodes) if (one !== owner) one.showLate(id);
    if (step.kind === 'move') {
      const to = nodes[step.to];
      if (to !== undefined && to !== owner) move(id, owner, to);
    }
  };
  for (const step of steps) await take(step);
  losing.left = 0;
  await time.pass(SETTLED_MS);
  for (const id of IDS) {
    const owner = owners.get(id);
    if (owner?.view(id) === undefined) continue;
    for (const one of nodes) {
      assert.deepEqual(sorted(one.view(id)), sorted(owner.view(id)), `${id} of ${owner.name} at ${one.name}`);
      assert.equal(one.live.cell(id)?.mirrored, one !== owner, `${id} of ${owner.name} at ${one.name}`);
    }
  }
}

/** Fields in order, without empty groups. */
function sorted(view: View | undefined): unknown {
  return Object.entries(view ?? {})
    .filter(([, fields]) => Object.keys(fields).length > 0)
    .map(([group, fields]) => [group, Object.entries(fields).sort()])
    .sort();
}

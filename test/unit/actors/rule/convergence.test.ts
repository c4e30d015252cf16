import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pack, unpack } from 'msgpackr';
import { assetKind } from '../../../../actors/asset/asset.ts';
import { AssetCommand } from '../../../../actors/asset/commands.ts';
import type { RuleEvent } from '../../../../actors/rule/events.ts';
import type { RuleGround } from '../../../../actors/rule/fit.ts';
import { ruleKind } from '../../../../actors/rule/rule.ts';
import type { Effect } from '../../../../runtime/actor-kind.ts';
import { entityId } from '../../../../runtime/ids.ts';
import { AssetProfile } from '../../../../topology/schema/asset.ts';
import { asset, Bench, T0 } from '../plant.ts';

/**
 * Goal: whatever happens on the way, in the end every asset that a rule is for has it in its newest form, no other asset has
 * it, and the rule knows that.
 * Method: one rule and four assets; commands, restarts over other topology files, and messages between them that are delivered in
 * any order, twice, or never. Then the network is well, and time passes until nobody has anything to say.
 */
const ASSETS = ['a', 'b', 'c', 'd'] as const;
const PROFILE = AssetProfile.parse({ id: 'pump', metrics: [{ name: 'temperature' }] });

type Step =
  | { readonly do: 'command'; readonly command: object }
  /** Of each asset: made from the profile, there without it, or not in the file. */
  | { readonly do: 'restart'; readonly plant: readonly ('pump' | 'other' | 'gone')[] }
  | { readonly do: 'deliver'; readonly at: number; readonly twice: boolean }
  | { readonly do: 'lose'; readonly at: number }
  | { readonly do: 'wait' };

const scope = fc.constantFrom({ profile: 'pump' }, { entityId: 'asset/a' }, { entityId: 'asset/b' });
const severity = fc.constantFrom('LOW', 'HIGH', 'CRITICAL');
const RULE = { name: 'Hot', metric: 'temperature', when: { above: 80 } };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: scope.map((to): Step => ({ do: 'command', command: { kind: 'CreateRule', ...to, rule: RULE } })),
  },
  {
    weight: 3,
    arbitrary: severity.map(
      (to): Step => ({ do: 'command', command: { kind: 'ChangeRule', changes: { severity: to } } }),
    ),
  },
  { weight: 2, arbitrary: scope.map((to): Step => ({ do: 'command', command: { kind: 'ChangeRule', changes: to } })) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'command', command: { kind: 'DeleteRule' } }) },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.constantFrom('pump' as const, 'pump' as const, 'other' as const, 'gone' as const), {
        minLength: ASSETS.length,
        maxLength: ASSETS.length,
      })
      .map((plant): Step => ({ do: 'restart', plant })),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('deliver' as const), at: fc.nat(), twice: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('lose' as const), at: fc.nat() }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'wait' }) },
);

class World {
  file = ruleKind.initial({ id: entityId('rule', 'hot'), definition: groundOf(ASSETS.map(() => 'pump')) });
  ground = groundOf(ASSETS.map(() => 'pump'));
  nowMs = T0;
  messages: Extract<Effect, { kind: 'tell' }>[] = [];
  readonly assets = new Map(
    ASSETS.map((id) => [id, new Bench(assetKind, entityId('asset', id), asset({ id, rules: [] }))]),
  );

  take(step: Step): void {
    switch (step.do) {
      case 'command':
        this.toRule(step.command);
        break;
      case 'restart':
        this.ground = groundOf(step.plant);
        this.file = unpack(pack(this.file));
        this.#fold(ruleKind.reconcile?.(this.file, this.#turn) ?? []);
        break;
      case 'deliver': {
        const message = this.messages[step.at % Math.max(1, this.messages.length)];
        if (message === undefined) break;
        if (!step.twice) this.messages = this.messages.filter((each) => each !== message);
        this.deliver(message);
        break;
      }
      case 'lose':
        this.messages.splice(step.at % Math.max(1, this.messages.length), 1);
        break;
      case 'wait':
        this.wait();
    }
  }

  /** Until the rule wants to be woken. */
  wait(): void {
    const dueMs = ruleKind.nextDueMs?.(this.file, this.#self);
    if (dueMs === undefined) return;
    this.nowMs = Math.max(this.nowMs, dueMs);
    this.#fold(ruleKind.due?.(this.file, this.#turn) ?? []);
  }

  deliver({ to, command }: Extract<Effect, { kind: 'tell' }>): void {
    if (to.startsWith('rule/')) {
      this.toRule(Object(command));
      return;
    }
    const id = to.slice('asset/'.length);
    const bench = ASSETS.some((each) => each === id) ? this.assets.get(id as (typeof ASSETS)[number]) : undefined;
    // What is not in the file does not run, and the order book is not of interest here.
    if (bench === undefined || !this.ground.assets.has(id)) return;
    const told = bench.effects.length;
    assert.ok(bench.command(this.nowMs - T0, AssetCommand.parse(command)).ok);
    this.#send(bench.effects.slice(told));
  }

  toRule(command: object): void {
    const decision = ruleKind.decide(this.file, ruleKind.command.parse(command), this.#turn);
    if (decision.ok) this.#fold(decision.events);
  }

  get #self() {
    return { id: entityId('rule', 'hot'), definition: this.ground };
  }

  get #turn() {
    return { ...this.#self, nowMs: this.nowMs, by: { user: 'eva', via: 'http' } as const, permissions: ['*'] };
  }

  #fold(events: readonly RuleEvent[]): void {
    for (const event of events) {
      this.file = ruleKind.evolve(this.file, event, this.#turn);
      this.#send(ruleKind.effects?.(event, this.file, this.#self) ?? []);
    }
  }

  #send(effects: readonly Effect[]): void {
    for (const effect of effects) if (effect.kind === 'tell') this.messages.push(effect);
  }
}

function groundOf(plant: readonly ('pump' | 'other' | 'gone')[]): RuleGround {
  const there = ASSETS.flatMap((id, index) => {
    const is = plant[index];
    return is === 'gone' ? [] : [[id, asset({ id, profile: is === 'pump' ? 'pump' : null, rules: [] })] as const];
  });
  return {
    assets: new Map(there),
    assetProfiles: new Map([['pump', PROFILE]]),
    devices: new Map(),
    workOrderTemplates: new Map(),
  };
}

test('in the end exactly the assets that a rule is for have it, in its newest form, and the rule knows', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world = new World();
      for (const each of steps) world.take(each);
      for (let rounds = 0; world.messages.length > 0 || world.file.again !== null; rounds++) {
        assert.ok(rounds < 20, 'it never comes to rest');
        world.wait();
        for (const message of world.messages.splice(0)) world.deliver(message);
      }
      const { made } = world.file;
      assert.deepEqual(world.file.unconfirmed, {});
      for (const id of world.ground.assets.keys()) {
        const held = world.assets.get(id as (typeof ASSETS)[number])?.state.decided.rules.get('hot')?.rule ?? null;
        assert.deepEqual(held, made?.assets.includes(id) ? made.rule : null, id);
      }
      const meant = [...world.ground.assets.values()].filter(({ id, profile }) =>
        made === null ? false : 'asset' in made.scope ? made.scope.asset === id : profile === made.scope.profile,
      );
      assert.deepEqual(
        [...(made?.assets ?? [])].sort(),
        meant.map(({ id }) => id),
      );
    }),
    { numRuns: 2000 },
  );
});

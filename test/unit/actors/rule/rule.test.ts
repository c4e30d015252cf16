import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pack, unpack } from 'msgpackr';
import type { RuleEvent } from '../../../../actors/rule/events.ts';
import type { RuleGround } from '../../../../actors/rule/fit.ts';
import { ruleKind } from '../../../../actors/rule/rule.ts';
import type { RuleFile } from '../../../../actors/rule/state.ts';
import { ruleView } from '../../../../actors/rule/view.ts';
import type { Effect } from '../../../../runtime/actor-kind.ts';
import { entityId } from '../../../../runtime/ids.ts';
import type { Json } from '../../../../runtime/json.ts';
import { AssetProfile } from '../../../../topology/schema/asset.ts';
import { asset, device, rule, T0 } from '../plant.ts';

const PROFILE = AssetProfile.parse({
  id: 'pump',
  metrics: [{ name: 'temperature', range: { min: 0, max: 120 } }, { name: 'pressure' }],
  rules: [{ id: 'dry', name: 'Dry', metric: 'pressure', when: { below: 1 } }],
});

function plant(pumps: readonly string[], more: Partial<RuleGround> = {}): RuleGround {
  const made = pumps.map((id) => [id, asset({ id, profile: 'pump', rules: PROFILE.rules })] as const);
  return {
    assets: new Map([...made, ['tank', asset({ id: 'tank', rules: [] })]]),
    assetProfiles: new Map([['pump', PROFILE]]),
    devices: new Map([['plc-1', device()]]),
    workOrderTemplates: new Map(),
    ...more,
  };
}

const HOT = { name: 'Too hot', metric: 'temperature', when: { above: 80 }, severity: 'HIGH' };

/** Runs the kind as the runtime does, with snapshots in between. */
class RuleBench {
  file: RuleFile = ruleKind.initial({ id: entityId('rule', 'hot'), definition: plant([]) });
  events: RuleEvent[] = [];
  told: { to: string; command: Json }[] = [];
  ground: RuleGround;
  nowMs = T0;

  constructor(ground: RuleGround) {
    this.ground = ground;
  }

  get self() {
    return { id: entityId('rule', 'hot'), definition: this.ground };
  }

  get turn() {
    return { ...this.self, nowMs: this.nowMs, by: { user: 'eva', via: 'http' } as const, permissions: ['*'] };
  }

  /** Result, or code and field of the refusal. */
  give(command: object): Json | string {
    const decision = ruleKind.decide(this.file, ruleKind.command.parse(command), this.turn);
    if (!decision.ok) return `${decision.code} ${decision.field ?? ''}`.trim();
    this.fold(decision.events);
    return decision.result ?? null;
  }

  fold(events: readonly RuleEvent[]): void {
    for (const event of events) {
      this.file = ruleKind.evolve(this.file, event, this.turn);
      this.events.push(event);
      const told = ruleKind.effects?.(event, this.file, this.self) ?? [];
      this.told.push(...told.filter((effect): effect is Extract<Effect, { kind: 'tell' }> => effect.kind === 'tell'));
    }
  }

  /** Comes up over another plant, from its snapshot. */
  restart(ground: RuleGround): void {
    this.file = unpack(pack(this.file));
    this.ground = ground;
    this.fold(ruleKind.reconcile?.(this.file, this.turn) ?? []);
  }

  confirm(asset: string, revision = this.file.revision): void {
    this.give({ kind: 'ConfirmRule', asset, revision });
  }

  /** What assets were told since the last look, as `asset kind revision`. */
  tellings(): string[] {
    const said = this.told.splice(0).flatMap(({ to, command }) => {
      if (typeof command !== 'object' || command === null || !('revision' in command) || !('kind' in command))
        return [];
      return to.startsWith('asset/') ? [`${to.slice(6)} ${command.kind} ${command.revision}`] : [];
    });
    return said;
  }

  get props() {
    return ruleView(this.file, this.ground)?.props;
  }
}

const create = (more: object = { profile: 'pump' }, rule: object = HOT) => ({ kind: 'CreateRule', ...more, rule });

describe('a rule of the API', () => {
  it('tells every asset of its profile, and knows who has confirmed', () => {
    const bench = new RuleBench(plant(['p-1', 'p-2']));
    assert.deepEqual(bench.give(create()), { revision: 1, assets: 2 });
    assert.deepEqual(bench.tellings(), ['p-1 AdoptRule 1', 'p-2 AdoptRule 1']);
    assert.deepEqual(bench.props?.unconfirmed, ['p-1', 'p-2']);
    bench.confirm('p-2');
    assert.deepEqual(bench.props?.unconfirmed, ['p-1']);
    bench.confirm('p-1', 0 + 1);
    assert.deepEqual(bench.props?.unconfirmed, []);
    assert.equal(ruleKind.nextDueMs?.(bench.file, bench.self), undefined);
  });

  it('takes the defaults of the topology file', () => {
    const bench = new RuleBench(plant(['p-1']));
    bench.give(create());
    const { id: _, ...expected } = rule({ ...HOT, id: 'hot' });
    for (const [name, value] of Object.entries(expected))
      assert.deepEqual(Object.entries(bench.props ?? {}).find(([key]) => key === name)?.[1], value, name);
  });

  it('is changed member by member, and tells the assets anew', () => {
    const bench = new RuleBench(plant(['p-1', 'p-2']));
    bench.give(create({ profile: 'pump' }, { ...HOT, response: 'Look' }));
    bench.tellings();
    const changes = { severity: 'CRITICAL', response: null };
    assert.deepEqual(bench.give({ kind: 'ChangeRule', changes }), { revision: 2, assets: 2 });
    assert.deepEqual(bench.tellings(), ['p-1 AdoptRule 2', 'p-2 AdoptRule 2']);
    assert.equal(bench.props?.severity, 'CRITICAL');
    assert.equal(bench.props?.response, null);
    assert.deepEqual(bench.props?.when, { above: 80 });
    // The confirmation of what has been changed meanwhile says nothing of what is true now.
    bench.confirm('p-1', 1);
    assert.deepEqual(bench.props?.unconfirmed, ['p-1', 'p-2']);
  });

  it('that is changed into what it is says nothing to anybody', () => {
    const bench = new RuleBench(plant(['p-1']));
    bench.give(create());
    const before = bench.events.length;
    assert.deepEqual(bench.give({ kind: 'ChangeRule', changes: { severity: 'HIGH' } }), { revision: 1, assets: 1 });
    assert.equal(bench.events.length, before);
  });

  it('that moves to one asset is dropped by the others', () => {
    const bench = new RuleBench(plant(['p-1', 'p-2']));
    bench.give(create());
    bench.tellings();
    bench.give({ kind: 'ChangeRule', changes: { entityId: 'asset/p-1' } });
    assert.deepEqual(bench.tellings().sort(), ['p-1 AdoptRule 2', 'p-2 DropRule 2']);
    assert.equal(bench.props?.profile, null);
  });

  it('is dropped everywhere when it is deleted, and can be made again', () => {
    const bench = new RuleBench(plant(['p-1']));
    bench.give(create());
    bench.tellings();
    assert.equal(bench.give({ kind: 'DeleteRule' }), null);
    assert.deepEqual(bench.tellings(), ['p-1 DropRule 2']);
    assert.equal(bench.props, undefined);
    assert.equal(ruleKind.retiresAtMs?.(bench.file, bench.self), undefined);
    bench.confirm('p-1');
    assert.equal(ruleKind.retiresAtMs?.(bench.file, bench.self), T0);
    assert.equal(bench.give({ kind: 'ChangeRule', changes: { active: true } }), 'NOT_FOUND');
    assert.deepEqual(bench.give(create()), { revision: 3, assets: 1 });
    assert.equal(ruleKind.retiresAtMs?.(bench.file, bench.self), undefined);
  });

  it('tells a hundred at once, and the next as they confirm; who stays silent holds up the others for a time only', () => {
    const pumps = Array.from({ length: 250 }, (_, index) => `p-${index}`);
    const bench = new RuleBench(plant(pumps));
    bench.give(create());
    assert.equal(bench.tellings().length, 100);
    assert.equal(bench.props?.unconfirmed.length, 250);
    bench.confirm('p-7');
    assert.deepEqual(bench.tellings(), ['p-100 AdoptRule 1']);
    // Changed meanwhile: who was told is told anew, who waits hears only of the newest.
    bench.give({ kind: 'ChangeRule', changes: { severity: 'LOW' } });
    const anew = bench.tellings();
    assert.equal(anew.length, 100);
    assert.ok(anew.every((telling) => telling.endsWith(' 2')));
    bench.nowMs = ruleKind.nextDueMs?.(bench.file, bench.self) ?? 0;
    bench.fold(ruleKind.due?.(bench.file, bench.turn) ?? []);
    assert.equal(bench.tellings().length, 200);
    for (const pump of pumps) bench.confirm(pump);
    assert.equal(bench.tellings().length, 50);
    for (const pump of pumps) bench.confirm(pump);
    assert.deepEqual(bench.props?.unconfirmed, []);
  });

  it('tells those again who stay silent, less and less often', () => {
    const bench = new RuleBench(plant(['p-1', 'p-2']));
    bench.give(create());
    bench.confirm('p-1');
    bench.tellings();
    const pauses: number[] = [];
    for (let round = 0; round < 8; round++) {
      const dueMs = ruleKind.nextDueMs?.(bench.file, bench.self) ?? 0;
      pauses.push(dueMs - bench.nowMs);
      bench.nowMs = dueMs;
      bench.fold(ruleKind.due?.(bench.file, bench.turn) ?? []);
      assert.deepEqual(bench.tellings(), ['p-2 AdoptRule 1']);
    }
    assert.deepEqual(
      pauses,
      [180, 360, 720, 1440, 2880, 3600, 3600, 3600].map((seconds) => seconds * 1000),
    );
  });

  it('follows the topology file: who comes gets it, who goes loses it', () => {
    const bench = new RuleBench(plant(['p-1', 'p-2', 'p-3']));
    bench.give(create());
    bench.confirm('p-1');
    bench.tellings();
    const moved = plant(['p-1', 'p-4']);
    // p-2 is made from no profile any more, p-3 is gone.
    bench.restart({ ...moved, assets: new Map([...moved.assets, ['p-2', asset({ id: 'p-2', rules: [] })]]) });
    assert.deepEqual(bench.tellings().sort(), ['p-2 DropRule 2', 'p-4 AdoptRule 2']);
    assert.deepEqual(bench.props?.assets, ['p-1', 'p-4']);
    assert.deepEqual([...(bench.props?.unconfirmed ?? [])].sort(), ['p-2', 'p-4']);
    const before = bench.events.length;
    bench.restart(bench.ground);
    assert.equal(bench.events.length, before);
  });

  it('says where it does not fit the file any more, and can still be switched off', () => {
    const bench = new RuleBench(plant(['p-1']));
    bench.give(create());
    const [metric] = asset().metrics;
    assert.ok(metric);
    bench.restart({
      ...plant([]),
      assets: new Map([
        ['p-1', asset({ id: 'p-1', profile: 'pump', metrics: [{ ...metric, name: 'heat' }], rules: [] })],
      ]),
    });
    assert.deepEqual(
      bench.props?.problems.map(({ asset, code }) => [asset, code]),
      [['p-1', 'UNKNOWN_METRIC']],
    );
    assert.equal(bench.give({ kind: 'ChangeRule', changes: { severity: 'LOW' } }), 'UNKNOWN_METRIC metric');
    assert.deepEqual(bench.give({ kind: 'ChangeRule', changes: { active: false } }), { revision: 2, assets: 1 });
  });
});

describe('a rule that cannot be', () => {
  const refused: readonly (readonly [string, object, string])[] = [
    ['without a place', create({}), 'RULE_SCOPE entityId'],
    ['for two places', create({ entityId: 'asset/tank', profile: 'pump' }), 'RULE_SCOPE entityId'],
    ['for an asset that is not there', create({ entityId: 'asset/tnak' }), 'UNKNOWN_ASSET entityId'],
    ['for a profile that is not there', create({ profile: 'pmup' }), 'UNKNOWN_PROFILE profile'],
    ['on a metric that is not there', create(undefined, { ...HOT, metric: 'temprature' }), 'UNKNOWN_METRIC metric'],
    ['without a metric', create(undefined, { ...HOT, metric: undefined }), 'RULE_METRIC when'],
    ['for a text', create(undefined, { ...HOT, when: { equals: 'hot' } }), 'RULE_TYPE when.equals'],
    ['beyond the range', create(undefined, { ...HOT, when: { above: 200 } }), 'RULE_UNREACHABLE when.above'],
    [
      'with limits reversed',
      create(undefined, { ...HOT, when: { outside: [80, 20] } }),
      'RULE_LIMITS_REVERSED when.outside',
    ],
    ['with a template that is not there', create(undefined, { ...HOT, workOrder: 'no' }), 'UNKNOWN_TEMPLATE workOrder'],
    [
      'that says what the file says',
      create(undefined, { name: 'D', metric: 'pressure', when: { below: 1 } }),
      'DUPLICATE_RULE when',
    ],
  ];
  for (const [name, command, expected] of refused) {
    it(`is refused ${name}`, () => {
      const bench = new RuleBench(plant(['p-1']));
      assert.equal(bench.give(command), expected);
      assert.deepEqual(bench.events, []);
    });
  }

  it('is refused under the id of one that is there, or of one of the file', () => {
    const bench = new RuleBench(plant(['p-1']));
    bench.give(create());
    assert.equal(bench.give(create()), 'ALREADY_EXISTS id');
    const taken = new RuleBench({
      ...plant([]),
      assets: new Map([['p-1', asset({ id: 'p-1', profile: 'pump', rules: [rule({ id: 'hot' })] })]]),
    });
    assert.equal(taken.give(create()), 'RULE_OF_FILE id');
    assert.equal(taken.give({ kind: 'DeleteRule' }), 'RULE_OF_FILE id');
  });

  it('is refused for more assets than can be told one by one', () => {
    const many = Array.from({ length: 5001 }, (_, index) => `p-${index}`);
    assert.equal(new RuleBench(plant(many)).give(create()), 'RULE_TOO_WIDE profile');
  });
});

it('the address of a webhook is shown without its path', () => {
  const bench = new RuleBench(plant(['p-1']));
  bench.give(create(undefined, { ...HOT, webhook: 'https://hooks.example.org/services/T0/secret?x=1' }));
  assert.equal(bench.props?.webhook, 'https://hooks.example.org/…');
});

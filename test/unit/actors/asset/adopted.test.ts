import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pack, unpack } from 'msgpackr';
import { assetKind } from '../../../../actors/asset/asset.ts';
import { assetView } from '../../../../actors/asset/view.ts';
import { entityId } from '../../../../runtime/ids.ts';
import type { AssetDefinition } from '../../../../topology/plant.ts';
import { WorkOrderTemplate } from '../../../../topology/schema/work-order-template.ts';
import { asset, Bench, frame, rule, T0 } from '../plant.ts';

const ID = entityId('asset', 'pump-1');
const DRY = { id: 'dry', name: 'Dry', metric: 'pressure', when: { below: 2 }, cooldownSeconds: 0 };

const up = (over: Partial<AssetDefinition> = {}) => new Bench(assetKind, ID, asset({ rules: [], ...over })).start();
type Pump = ReturnType<typeof up>;

const adopt = (pump: Pump, atMs: number, revision: number, over: object = {}, again = false) =>
  pump.command(atMs, { kind: 'AdoptRule', revision, again, profile: null, rule: rule({ ...DRY, ...over }) });
const drop = (pump: Pump, atMs: number, revision: number) =>
  pump.command(atMs, { kind: 'DropRule', id: 'dry', revision, again: false });
const kinds = (pump: Pump) => pump.events.map(({ kind }) => kind);
const alarm = (pump: Pump) => assetView(pump.state).alarms.dry;
const rules = (pump: Pump) =>
  Object.entries(assetView(pump.state).rules).map(([id, { source, idle }]) => [id, source, idle]);

describe('an asset that adopts a rule', () => {
  it('judges readings by it from the next one on, as by those of the file', () => {
    const pump = up({ rules: [rule()] });
    pump.observe(frame(0, { temperature: 20, pressure: 1 }));
    adopt(pump, 100, 1);
    assert.deepEqual(kinds(pump), ['RuleAdopted']);
    pump.observe(frame(1000, { temperature: 90, pressure: 1 }));
    assert.deepEqual(kinds(pump), ['RuleAdopted', 'AlarmRaised', 'AlarmRaised']);
    assert.equal(alarm(pump)?.id, 'asset/pump-1:dry');
    assert.deepEqual(rules(pump), [
      ['hot', 'file', null],
      ['dry', 'api', null],
    ]);
  });

  it('confirms, also when it is asked again for what it has', () => {
    const pump = up();
    adopt(pump, 0, 3);
    const confirmed = { kind: 'ConfirmRule', asset: 'pump-1', revision: 3 };
    const expected = { kind: 'tell', to: 'rule/dry', command: confirmed };
    assert.deepEqual(pump.effects, [expected]);
    adopt(pump, 1, 3);
    assert.deepEqual(pump.effects, [expected]);
    adopt(pump, 2, 3, {}, true);
    assert.deepEqual(pump.effects, [expected, expected]);
  });

  it('keeps a rule of another cell apart: it confirms to nobody here, and neither takes the place of the other', () => {
    const pump = up();
    const foreign = {
      kind: 'AdoptRule',
      revision: 1,
      again: false,
      profile: null,
      from: 'core',
      rule: rule(DRY),
    } as const;
    assert.ok(pump.command(0, foreign).ok);
    assert.deepEqual(pump.effects, []);
    pump.observe(frame(1000, { temperature: 20, pressure: 1 }));
    assert.equal(alarm(pump)?.state, 'ACTIVE');
    const own = adopt(pump, 2000, 7);
    assert.equal(!own.ok && own.code, 'RULE_ID_TAKEN');
    const ownDrop = drop(pump, 2001, 8);
    assert.equal(!ownDrop.ok && ownDrop.code, 'RULE_ID_TAKEN');
    assert.ok(pump.command(3000, { kind: 'DropRule', id: 'dry', revision: 2, again: false, from: 'core' }).ok);
    assert.deepEqual(pump.effects, []);
    assert.ok(adopt(pump, 4000, 1).ok, 'with that gone the place is free, and its revisions say nothing');
    assert.deepEqual(rules(pump), [['dry', 'api', null]]);
  });

  it('lets nothing older change what it knows, a rule that was dropped included', () => {
    const pump = up();
    adopt(pump, 0, 5, { severity: 'HIGH' });
    adopt(pump, 1, 4, { severity: 'LOW' });
    assert.equal(assetView(pump.state).rules.dry?.severity, 'HIGH');
    drop(pump, 2, 6);
    adopt(pump, 3, 5);
    assert.deepEqual(rules(pump), []);
    assert.deepEqual(kinds(pump), ['RuleAdopted', 'RuleDropped']);
    // Told to drop what it never had: what is still under way comes too late.
    const other = up();
    drop(other, 0, 2);
    adopt(other, 1, 1);
    assert.deepEqual(rules(other), []);
  });

  it('ends its alarm when the rule is dropped or switched off', () => {
    for (const end of [(pump: Pump) => drop(pump, 2000, 2), (pump: Pump) => adopt(pump, 2000, 2, { active: false })]) {
      const pump = up();
      adopt(pump, 0, 1, { latched: true });
      pump.observe(frame(1000, { pressure: 1 }));
      assert.equal(alarm(pump)?.state, 'ACTIVE');
      end(pump);
      assert.equal(alarm(pump), undefined);
      assert.equal(pump.events.at(-1)?.kind, 'AlarmCleared');
      pump.observe(frame(3000, { pressure: 1 }));
      assert.equal(alarm(pump), undefined);
    }
  });

  it('takes so many and no more, and goes on changing those that it has', () => {
    const pump = up();
    for (let n = 0; n < 500; n++) assert.ok(adopt(pump, n, 1, { id: `r${n}` }).ok);
    const refused = adopt(pump, 500, 1, { id: 'one-too-many' });
    assert.equal(refused.ok ? '' : refused.code, 'TOO_MANY_RULES');
    assert.ok(adopt(pump, 501, 2, { id: 'r7', severity: 'LOW' }).ok);
    assert.ok(pump.command(502, { kind: 'DropRule', id: 'r8', revision: 2, again: false }).ok);
    assert.ok(adopt(pump, 503, 1, { id: 'one-too-many' }).ok);
  });

  it('begins delays anew under another condition, and goes on with them under the same one', () => {
    const same = up();
    adopt(same, 0, 1, { durationSeconds: 3 });
    same.observe(frame(1000, { pressure: 1 }));
    adopt(same, 2000, 2, { durationSeconds: 3, severity: 'CRITICAL' });
    same.observe(frame(2500, { pressure: 1 }));
    same.observe(frame(4000, { pressure: 1 }));
    assert.equal(alarm(same)?.raisedAtMs, T0 + 4000);
    const other = up();
    adopt(other, 0, 1, { durationSeconds: 3 });
    other.observe(frame(1000, { pressure: 1 }));
    // There and back between two readings: what held before is no matter any more.
    adopt(other, 2000, 2, { durationSeconds: 3, when: { below: 1.5 } });
    adopt(other, 2001, 3, { durationSeconds: 3 });
    other.observe(frame(2500, { pressure: 1 }));
    other.observe(frame(4000, { pressure: 1 }));
    assert.equal(alarm(other), undefined);
    other.observe(frame(5500, { pressure: 1 }));
    assert.equal(alarm(other)?.raisedAtMs, T0 + 5500);
  });

  it('keeps it over a restart, with the alarm, from its snapshot', () => {
    const pump = up();
    adopt(pump, 0, 1);
    pump.observe(frame(1000, { pressure: 1 }));
    const again = new Bench(assetKind, ID, asset({ rules: [] }), unpack(pack(pump.encode()))).start(2000);
    assert.deepEqual(again.events, []);
    assert.equal(alarm(again)?.state, 'ACTIVE');
    again.observe(frame(3000, { pressure: 5 }));
    assert.equal(alarm(again)?.detail, 'RTN_UNACK');
  });

  it('goes by the file where both have a rule of the same id', () => {
    const pump = up();
    adopt(pump, 0, 1, { id: 'hot', metric: 'pressure' });
    const mended = new Bench(assetKind, ID, asset(), unpack(pack(pump.encode()))).start();
    assert.deepEqual(rules(mended), [['hot', 'file', null]]);
    mended.observe(frame(1000, { temperature: 20, pressure: 1 }));
    assert.deepEqual(mended.events, []);
  });

  it('says that a rule has lost its metric, and ends the alarm of it', () => {
    const pump = up();
    adopt(pump, 0, 1);
    pump.observe(frame(1000, { pressure: 1 }));
    const [temperature] = asset().metrics;
    assert.ok(temperature);
    const changed = asset({ rules: [], metrics: [temperature] });
    const again = new Bench(assetKind, ID, changed, unpack(pack(pump.encode()))).start(2000);
    assert.deepEqual(rules(again), [['dry', 'api', 'no_metric']]);
    assert.deepEqual(kinds(again), ['AlarmCleared']);
  });

  it('opens the work order that the rule asks for, of any template of the file', () => {
    const template = WorkOrderTemplate.parse({ id: 'look', name: 'Look' });
    const pump = up({ workOrderTemplates: { look: template } });
    adopt(pump, 0, 1, { workOrder: 'look' });
    pump.observe(frame(1000, { pressure: 1 }));
    assert.ok(pump.effects.some((effect) => effect.kind === 'tell' && effect.to === 'order-book/main'));
  });
});

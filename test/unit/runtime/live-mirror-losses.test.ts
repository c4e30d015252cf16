import assert from 'node:assert/strict';
import { test } from 'node:test';
import { awaySinceMs, isGone } from '../../../runtime/live-bus.ts';
import { BEATS } from '../../../runtime/live-lane.ts';
import { FAN, inCell, MIXER, PUMP } from '../../support/memory-cell.ts';

test(
  'frames that are lost are noticed by the next one, and the last of all by the beat',
  inCell(async ({ node, hub, links, until, shows, ready }) => {
    const a = node('a').own(1, PUMP, FAN);
    const b = node('b');
    a.set(PUMP, { values: { flow: 1 } });
    await ready(b.live.want(['north']));
    await shows(b, PUMP, { values: { flow: 1 } });
    const before = links.requests;
    let lost = 0;
    hub.passes = (group) => {
      if (group === BEATS) return true;
      lost++;
      return false;
    };
    a.set(PUMP, { values: { flow: 2 } });
    await until('a frame is lost', () => lost > 0);
    hub.passes = () => true;
    a.set(FAN, { values: { speed: 1 } });
    await shows(b, PUMP, { values: { flow: 2 } });
    await shows(b, FAN, { values: { speed: 1 } });
    assert.ok(links.requests > before);
    lost = 0;
    hub.passes = (group) => {
      if (group !== BEATS) lost++;
      return group === BEATS;
    };
    a.set(PUMP, { values: { flow: 3 } });
    await until('the last frame is lost', () => lost > 0);
    await shows(b, PUMP, { values: { flow: 3 } });
  }),
);

test(
  'a silent node is marked at its views, and no longer once it speaks',
  inCell(async ({ node, hub, until, shows, ready }) => {
    const a = node('a').own(1, PUMP);
    const b = node('b');
    a.set(PUMP, { values: { flow: 1 } });
    await ready(b.live.want('all'));
    await shows(b, PUMP, { values: { flow: 1 } });
    const cutMs = Date.now();
    hub.passes = (_group, _frame, from) => from !== a.lane;
    a.set(PUMP, { values: { flow: 2 } });
    await until('it is marked', () => awaySinceMs(b.live.cell(PUMP) ?? { view: {} }) !== undefined);
    assert.equal(b.view(PUMP)?.values?.flow, 1);
    const sinceMs = awaySinceMs(b.live.cell(PUMP) ?? { view: {} }) ?? 0;
    assert.ok(Math.abs(sinceMs - cutMs) < 1000, `since ${sinceMs}, cut ${cutMs}`);
    assert.match(JSON.stringify(b.mirror.parts()), /nothing comes from a/);
    assert.equal(b.live.want('all').isReady, true, 'who is silent is not waited for');
    hub.passes = () => true;
    await shows(b, PUMP, { values: { flow: 2 } });
    assert.equal(b.mirror.parts()[0]?.status, 'healthy');
  }),
);

test(
  'a node that has left in good order is no trouble of those that stay',
  inCell(async ({ node, until, shows, ready }) => {
    const a = node('a').own(1, PUMP);
    const b = node('b');
    a.set(PUMP, { values: { flow: 1 } });
    await ready(b.live.want('all'));
    await shows(b, PUMP, { values: { flow: 1 } });
    await ready(a.live.want('all'));
    a.lose(PUMP);
    b.own(2, PUMP).set(PUMP, { values: { flow: 2 } });
    await shows(a, PUMP, { values: { flow: 2 } });
    a.close();
    await until('it is noticed', () => b.notes.some((note) => note.includes('silent')));
    assert.equal(b.mirror.parts()[0]?.status, 'healthy', JSON.stringify(b.mirror.parts()));
  }),
);

test(
  'what is retired at its owner is gone everywhere',
  inCell(async ({ node, until, shows, ready }) => {
    const a = node('a').own(1, PUMP);
    const b = node('b');
    a.set(PUMP, { values: { flow: 1 } });
    await ready(b.live.want('all'));
    await shows(b, PUMP, { values: { flow: 1 } });
    const gone: string[] = [];
    b.live.onFlush((changed) => gone.push(...changed.filter(isGone).map(({ id }) => id)));
    a.retire(PUMP);
    await until('it is gone', () => gone.includes(PUMP));
  }),
);

test(
  'what was retired while its frame was lost is gone after the next reading',
  inCell(async ({ node, hub, until, shows, ready }) => {
    const a = node('a').own(1, PUMP, FAN);
    const b = node('b');
    a.set(PUMP, { values: { flow: 1 } });
    a.set(FAN, { values: { speed: 1 } });
    await ready(b.live.want('all'));
    await shows(b, PUMP, { values: { flow: 1 } });
    let lost = 0;
    hub.passes = (group) => {
      if (group !== BEATS) lost++;
      return group === BEATS;
    };
    a.retire(PUMP);
    await until('the frame is lost', () => lost > 0);
    hub.passes = () => true;
    await until('it is gone', () => isGone(b.live.cell(PUMP) ?? { view: {} }));
    assert.deepEqual(b.view(FAN), { values: { speed: 1 } });
  }),
);

test(
  'a restarted process is another one: what it does not tell again is marked',
  inCell(async ({ node, links, until, shows, ready }) => {
    const a = node('a').own(1, PUMP, MIXER);
    const b = node('b');
    a.set(PUMP, { values: { flow: 1 } });
    a.set(MIXER, { values: { speed: 1 } });
    await ready(b.live.want('all'));
    await shows(b, MIXER, { values: { speed: 1 } });
    a.close();
    await a.lane.close();
    links.remove('a');
    const again = node('a').own(2, PUMP);
    again.set(PUMP, { values: { flow: 7 } });
    await shows(b, PUMP, { values: { flow: 7 } });
    await until('the other is marked', () => awaySinceMs(b.live.cell(MIXER) ?? { view: {} }) !== undefined);
    assert.equal(awaySinceMs(b.live.cell(PUMP) ?? { view: {} }), undefined);
  }),
);

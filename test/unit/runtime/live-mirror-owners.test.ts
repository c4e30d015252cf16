import assert from 'node:assert/strict';
import { test } from 'node:test';
import { awaySinceMs, isGone } from '../../../runtime/live-bus.ts';
import { BEATS } from '../../../runtime/live-lane.ts';
import { QUICK } from '../../support/live-nodes.ts';
import { FAN, inCell, MIXER, PUMP } from '../../support/memory-cell.ts';

test(
  'of two owners the newer counts, whatever the older says later; the last view stays until the new one speaks',
  inCell(async ({ node, until, shows, ready, time }) => {
    const a = node('a').own(1, PUMP);
    const b = node('b');
    const c = node('c');
    a.set(PUMP, { values: { flow: 1 } });
    await ready(c.live.want('all'));
    await shows(c, PUMP, { values: { flow: 1 } });

    // Suspended: it does not know that another has taken over.
    b.own(2, PUMP);
    assert.deepEqual(c.view(PUMP), { values: { flow: 1 } });
    b.set(PUMP, { values: { flow: 2 } });
    await shows(c, PUMP, { values: { flow: 2 } });
    a.set(PUMP, { values: { flow: 99 } });
    b.set(FAN, { values: { speed: 1 } });
    b.own(2, FAN);
    await until('both have spoken since', () => c.view(FAN) !== undefined && a.view(PUMP)?.values?.flow === 99);
    await time.pass(100);
    c.live.flush();
    assert.deepEqual(c.view(PUMP), { values: { flow: 2 } });

    // It wakes up, and shows here what is owned elsewhere, as soon as somebody looks.
    a.lose(PUMP);
    await ready(a.live.want('all'));
    await shows(a, PUMP, { values: { flow: 2 } });
    assert.equal(a.live.cell(PUMP)?.mirrored, true);
    b.set(PUMP, { values: { flow: 3 } });
    await shows(a, PUMP, { values: { flow: 3 } });

    // And back again.
    b.lose(PUMP);
    a.own(3, PUMP);
    a.set(PUMP, { values: { flow: 4 } });
    await shows(c, PUMP, { values: { flow: 4 } });
    assert.equal(a.live.cell(PUMP)?.mirrored, false);
  }),
);

test(
  'a new owner that shows the very same is heard all the same',
  inCell(async ({ node, hub, until, shows, ready }) => {
    const a = node('a').own(1, PUMP);
    const b = node('b');
    const c = node('c');
    a.set(PUMP, { values: { flow: 1 } });
    for (const one of [b, c]) await ready(one.live.want('all'));
    await shows(c, PUMP, { values: { flow: 1 } });
    await shows(b, PUMP, { values: { flow: 1 } });
    hub.passes = (_group, _frame, from) => from !== a.lane;
    await until('it is marked', () => awaySinceMs(c.live.cell(PUMP) ?? { view: {} }) !== undefined);
    b.own(2, PUMP);
    b.set(PUMP, { values: { flow: 1 } });
    await shows(c, PUMP, { values: { flow: 1 } });
    await shows(b, PUMP, { values: { flow: 1 } });
  }),
);

test(
  'what a node has lost, and nobody has taken up, it goes on showing to whoever looks, marked',
  inCell(async ({ node, until, shows, ready }) => {
    const a = node('a').own(1, PUMP, MIXER);
    a.set(PUMP, { values: { flow: 1 } });
    a.set(MIXER, { values: { speed: 1 } });
    const interest = a.live.want(['north']);
    await ready(interest);
    a.lose(PUMP, MIXER);
    await until('it is marked', () => awaySinceMs(a.live.cell(PUMP) ?? { view: {} }) !== undefined);
    assert.equal(a.view(PUMP)?.values?.flow, 1);
    assert.ok(isGone(a.live.cell(MIXER) ?? { view: {} }), 'nobody looks at the other');
    a.own(2, PUMP);
    a.set(PUMP, { values: { flow: 1 } });
    await shows(a, PUMP, { values: { flow: 1 } });
  }),
);

test(
  'a node that has died, and whose entity nobody took up, is forgotten once its shard has an owner for long',
  inCell(async ({ node, hub, until, shows, ready }) => {
    const a = node('a').own(1, PUMP);
    const b = node('b');
    const c = node('c');
    a.set(PUMP, { values: { flow: 1 } });
    await ready(c.live.want('all'));
    await shows(c, PUMP, { values: { flow: 1 } });
    hub.passes = (_group, _frame, from) => from !== a.lane;
    b.own(2, PUMP);
    await until('it is marked', () => awaySinceMs(c.live.cell(PUMP) ?? { view: {} }) !== undefined);
    await until('it is gone', () => isGone(c.live.cell(PUMP) ?? { view: {} }));
  }),
);

test(
  'what a newer owner told while this node still believed that a shard was its own is read once it knows better',
  inCell(async ({ node, hub, shows, ready }) => {
    // As after a suspension: the shard of the fan is another node's by now, and nobody has told this one.
    const asleep = node('asleep').own(1, FAN);
    const heir = node('heir').own(2, FAN).own(1, PUMP);
    await ready(asleep.live.want(['north']));
    let heard = 0;
    hub.passes = (group, _frame, from) => {
      if (group !== BEATS && from === heir.lane) heard++;
      return true;
    };
    heir.set(FAN, { values: { speed: 1 } });
    heir.set(PUMP, { values: { flow: 1 } });
    await shows(asleep, PUMP, { values: { flow: 1 } });
    assert.ok(heard > 0 && asleep.view(FAN) === undefined, 'it was told, and did not hear');
    asleep.lose(FAN);
    await shows(asleep, FAN, { values: { speed: 1 } });
  }),
);

test(
  'what an entity still shows when its shard has gone does not hide what the new owner has told',
  inCell(async ({ node, ready, shows, time }) => {
    // The last turn of the old one waits for a flush, which comes after the first word of the new one.
    const a = node('a', { flushIntervalMs: 50 }).own(1, PUMP);
    const b = node('b');
    a.set(PUMP, { values: { flow: 1 } });
    await ready(a.live.want('all'));
    await shows(a, PUMP, { values: { flow: 1 } });
    await time.pass(100);
    a.set(PUMP, { values: { flow: 2 } });
    await shows(a, PUMP, { values: { flow: 2 } });
    a.set(PUMP, { values: { flow: 3 } });
    a.lose(PUMP);
    b.own(2, PUMP).set(PUMP, { values: { flow: 4 } });
    await shows(a, PUMP, { values: { flow: 4 } });
    a.showLate(PUMP);
    await time.pass(1000);
    assert.deepEqual(a.view(PUMP), { values: { flow: 4 } }, 'neither older nor marked');
    assert.equal(a.live.cell(PUMP)?.mirrored, true);
  }),
);

test(
  'what a newer owner told of a shard that this node had for a moment only is read all the same',
  inCell(async ({ node, hub, ready, shows, time, until }) => {
    const asleep = node('asleep');
    const heir = node('heir').own(2, FAN);
    await ready(asleep.live.want(['north']));
    // A shard that comes and goes between two looks at them.
    await time.pass(QUICK.beatIntervalMs - (time.elapsedMs % QUICK.beatIntervalMs) + 1);
    asleep.own(1, FAN);
    let heard = 0;
    hub.passes = (group, _frame, from) => {
      if (group !== BEATS && from === heir.lane) heard++;
      return true;
    };
    heir.set(FAN, { values: { speed: 1 } });
    await until('it is told', () => heard > 0);
    await time.pass(2);
    assert.equal(asleep.view(FAN), undefined, 'and has not heard');
    asleep.lose(FAN);
    hub.passes = () => true;
    await shows(asleep, FAN, { values: { speed: 1 } });
  }),
);

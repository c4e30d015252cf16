import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf } from '../../../runtime/errors.ts';
import type { EntityId } from '../../../runtime/ids.ts';
import { isGone } from '../../../runtime/live-bus.ts';
import { BEATS } from '../../../runtime/live-lane.ts';
import { thing } from '../../support/live-nodes.ts';
import { FAN, inCell, MIXER, PUMP } from '../../support/memory-cell.ts';

test(
  'a node shows what others own once somebody looks, then as it changes, and nothing before',
  inCell(async ({ node, hub, until, shows, ready }) => {
    const a = node('a').own(1, PUMP, MIXER);
    const b = node('b');
    a.set(PUMP, { values: { flow: 1, heat: null }, props: { name: 'Pump' } });
    a.set(MIXER, { values: { speed: 5 } });
    await until('a has shown it', () => a.view(PUMP) !== undefined);
    const frames: string[] = [];
    hub.passes = (group) => {
      if (group !== BEATS) frames.push(group);
      return true;
    };
    a.set(PUMP, { values: { flow: 2, heat: null } });
    await until('a shows the change', () => a.view(PUMP)?.values?.flow === 2);
    assert.equal(b.view(PUMP), undefined);
    assert.deepEqual(frames, [], 'nobody looks, so nothing is sent');

    const interest = b.live.want(['north']);
    assert.equal(interest.isReady, false);
    await ready(interest);
    b.live.flush();
    assert.deepEqual(b.view(PUMP), { values: { flow: 2, heat: null }, props: { name: 'Pump' } });
    assert.equal(b.view(MIXER), undefined, 'nobody looks at the other group');
    assert.equal(b.live.cell(PUMP)?.mirrored, true);

    a.set(PUMP, { values: { flow: 3 } });
    await shows(b, PUMP, { values: { flow: 3 }, props: { name: 'Pump' } });
    a.set(MIXER, { values: { speed: 6 } });
    a.set(FAN, { values: { speed: 1 } });
    a.own(1, FAN);
    await until('a new entity comes whole', () => b.view(FAN)?.values?.speed === 1);
    assert.ok(frames.length > 0 && frames.every((group) => group === 'north'), frames.join());
    assert.equal(b.live.want(['north']).isReady, true);
  }),
);

test(
  'whoever wants all gets every group, and looks away after a while',
  inCell(async ({ node, until, shows, ready }) => {
    const a = node('a').own(1, PUMP, MIXER);
    const b = node('b');
    a.set(PUMP, { values: { flow: 1 } });
    a.set(MIXER, { values: { speed: 1 } });
    const interest = b.live.want('all');
    await ready(interest);
    await shows(b, PUMP, { values: { flow: 1 } });
    await shows(b, MIXER, { values: { speed: 1 } });
    const one = b.live.want(['south']);
    assert.equal(one.isReady, true);
    interest.release();
    interest.release();
    await until('what nobody looks at is gone', () => isGone(b.live.cell(PUMP) ?? { view: {} }));
    assert.deepEqual(b.lane.following, [BEATS, 'south'].sort());
    a.set(MIXER, { values: { speed: 2 } });
    await shows(b, MIXER, { values: { speed: 2 } });
    one.release();
    await until('nothing is followed', () => b.lane.following.join() === BEATS);
  }),
);

test(
  'who watches views of other nodes is shown them without anybody asking',
  inCell(async ({ node, until }) => {
    const hall = thing('north', 'hall');
    const population = { residents: [PUMP, hall], watchersOf: (id: EntityId) => (id === PUMP ? [hall] : []) };
    const a = node('a', { population }).own(1, PUMP);
    a.set(PUMP, { values: { flow: 1 } });
    const idle = node('idle', { population });
    const b = node('b', { population }).own(1, hall);
    const seen: string[] = [];
    b.live.onFlush((changed) => seen.push(...changed.map(({ id }) => id)));
    await until('it has come', () => seen.includes(PUMP));
    assert.equal(idle.view(PUMP), undefined);
    b.lose(hall);
    await until('it is let go', () => isGone(b.live.cell(PUMP) ?? { view: {} }));
  }),
);

test(
  'a node that does not answer makes whoever waits for it fail, with its name',
  inCell(async ({ node, links, ready }) => {
    const a = node('a').own(1, PUMP);
    const b = node('b');
    a.set(PUMP, { values: { flow: 1 } });
    links.mute.add('a');
    await assert.rejects(ready(b.live.want('all')), (error: Error) => {
      assert.equal(codeOf(error), 'LIVE_VIEWS_MISSING');
      assert.match(error.message, /^a did not say/);
      return true;
    });
  }),
);

test(
  'a view larger than a frame comes in parts, and a field that is larger still is left out and said',
  inCell(async ({ node, shows, ready }) => {
    const a = node('a').own(1, PUMP, FAN);
    const b = node('b');
    a.lane.maxFrameBytes = 2000;
    a.set(FAN, { values: { speed: 1 } });
    await ready(b.live.want('all'));
    const values = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`v${index}`, `value ${index}`]));
    a.set(PUMP, { values, props: { name: 'Pump' } });
    await shows(b, PUMP, { values, props: { name: 'Pump' } });
    a.set(FAN, { values: { speed: 2, text: 'x'.repeat(5000) } });
    await shows(b, FAN, { values: { speed: 2 } });
    assert.match(a.mirror.parts()[0]?.detail ?? '', /1 fields were too large/);
  }),
);

test(
  'while a lane is full only the newest is kept',
  inCell(async ({ node, shows, ready }) => {
    const a = node('a').own(1, PUMP);
    const b = node('b');
    a.set(PUMP, { values: { flow: 0 } });
    await ready(b.live.want('all'));
    await shows(b, PUMP, { values: { flow: 0 } });
    a.lane.isFull = true;
    const seen: unknown[] = [];
    b.live.onFlush((changed) => seen.push(...changed.map(({ view }) => view.values?.flow)));
    for (let flow = 1; flow <= 50; flow++) {
      a.set(PUMP, { values: { flow } });
      a.live.flush();
    }
    a.lane.opened();
    await shows(b, PUMP, { values: { flow: 50 } });
    assert.deepEqual(seen, [50]);
  }),
);

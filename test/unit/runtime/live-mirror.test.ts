import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import fc from 'fast-check';
import type { View } from '../../../runtime/actor-kind.ts';
import { codeOf } from '../../../runtime/errors.ts';
import type { EntityId } from '../../../runtime/ids.ts';
import { awaySinceMs, isGone } from '../../../runtime/live-bus.ts';
import { BEATS } from '../../../runtime/live-lane.ts';
import { SHARD_COUNT, shardOf } from '../../../runtime/ownership.ts';
import { until } from '../../support/condition.ts';
import { LiveNode, MemoryLinks, thing } from '../../support/live-nodes.ts';
import { MemoryLaneHub, type MemoryLiveLane } from '../../support/memory-live-lane.ts';

const PUMP = thing('north', 'pump');
const FAN = thing('north', 'fan');
const MIXER = thing('south', 'mixer');

const open: { close(): void }[] = [];
afterEach(() => {
  for (const node of open.splice(0)) node.close();
});

/** Nodes of one cell, with lanes and links in memory. */
function cell() {
  const hub = new MemoryLaneHub();
  const links = new MemoryLinks();
  const node = (name: string, more: Partial<ConstructorParameters<typeof LiveNode>[0]> = {}) => {
    const lane = hub.lane();
    const made = new LiveNode({ name, lane, link: links.link(name), ...more });
    open.push({ close: () => made.close() }, { close: () => void lane.close() });
    return Object.assign(made, { lane });
  };
  return { hub, links, node };
}

function shows(node: LiveNode, id: EntityId, view: View): Promise<void> {
  return until(`${node.name} shows ${JSON.stringify(view)}, and not ${JSON.stringify(node.view(id))}`, () => {
    try {
      assert.deepEqual(node.view(id), view);
      return true;
    } catch {
      return false;
    }
  });
}

test('a node shows what others own once somebody looks, then as it changes, and nothing before', async () => {
  const { node, hub } = cell();
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
  await interest.ready;
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
});

test('whoever wants all gets every group, and looks away after a while', async () => {
  const { node } = cell();
  const a = node('a').own(1, PUMP, MIXER);
  const b = node('b');
  a.set(PUMP, { values: { flow: 1 } });
  a.set(MIXER, { values: { speed: 1 } });
  const interest = b.live.want('all');
  await interest.ready;
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
});

test('frames that are lost are noticed by the next one, and the last of all by the beat', async () => {
  const { node, hub, links } = cell();
  const a = node('a').own(1, PUMP, FAN);
  const b = node('b');
  a.set(PUMP, { values: { flow: 1 } });
  await b.live.want(['north']).ready;
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
});

test('a silent node is marked at its views, and no longer once it speaks', async () => {
  const { node, hub } = cell();
  const a = node('a').own(1, PUMP);
  const b = node('b');
  a.set(PUMP, { values: { flow: 1 } });
  await b.live.want('all').ready;
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
});

test('of two owners the newer counts, whatever the older says later; the last view stays until the new one speaks', async () => {
  const { node } = cell();
  const a = node('a').own(1, PUMP);
  const b = node('b');
  const c = node('c');
  a.set(PUMP, { values: { flow: 1 } });
  await c.live.want('all').ready;
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
  await new Promise((resolve) => setTimeout(resolve, 100));
  c.live.flush();
  assert.deepEqual(c.view(PUMP), { values: { flow: 2 } });

  // It wakes up, and shows here what is owned elsewhere, as soon as somebody looks.
  a.lose(PUMP);
  await a.live.want('all').ready;
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
});

test('a new owner that shows the very same is heard all the same', async () => {
  const { node, hub } = cell();
  const a = node('a').own(1, PUMP);
  const b = node('b');
  const c = node('c');
  a.set(PUMP, { values: { flow: 1 } });
  for (const one of [b, c]) await one.live.want('all').ready;
  await shows(c, PUMP, { values: { flow: 1 } });
  await shows(b, PUMP, { values: { flow: 1 } });
  hub.passes = (_group, _frame, from) => from !== a.lane;
  await until('it is marked', () => awaySinceMs(c.live.cell(PUMP) ?? { view: {} }) !== undefined);
  b.own(2, PUMP);
  b.set(PUMP, { values: { flow: 1 } });
  await shows(c, PUMP, { values: { flow: 1 } });
  await shows(b, PUMP, { values: { flow: 1 } });
});

test('what a node has lost, and nobody has taken up, it goes on showing to whoever looks, marked', async () => {
  const { node } = cell();
  const a = node('a').own(1, PUMP, MIXER);
  a.set(PUMP, { values: { flow: 1 } });
  a.set(MIXER, { values: { speed: 1 } });
  const interest = a.live.want(['north']);
  await interest.ready;
  a.lose(PUMP, MIXER);
  await until('it is marked', () => awaySinceMs(a.live.cell(PUMP) ?? { view: {} }) !== undefined);
  assert.equal(a.view(PUMP)?.values?.flow, 1);
  assert.ok(isGone(a.live.cell(MIXER) ?? { view: {} }), 'nobody looks at the other');
  a.own(2, PUMP);
  a.set(PUMP, { values: { flow: 1 } });
  await shows(a, PUMP, { values: { flow: 1 } });
});

test('what is retired at its owner is gone everywhere', async () => {
  const { node } = cell();
  const a = node('a').own(1, PUMP);
  const b = node('b');
  a.set(PUMP, { values: { flow: 1 } });
  await b.live.want('all').ready;
  await shows(b, PUMP, { values: { flow: 1 } });
  const gone: string[] = [];
  b.live.onFlush((changed) => gone.push(...changed.filter(isGone).map(({ id }) => id)));
  a.retire(PUMP);
  await until('it is gone', () => gone.includes(PUMP));
});

test('what was retired while its frame was lost is gone after the next reading', async () => {
  const { node, hub } = cell();
  const a = node('a').own(1, PUMP, FAN);
  const b = node('b');
  a.set(PUMP, { values: { flow: 1 } });
  a.set(FAN, { values: { speed: 1 } });
  await b.live.want('all').ready;
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
});

test('a node that has died, and whose entity nobody took up, is forgotten once its shard has an owner for long', async () => {
  const { node, hub } = cell();
  const a = node('a').own(1, PUMP);
  const b = node('b');
  const c = node('c');
  a.set(PUMP, { values: { flow: 1 } });
  await c.live.want('all').ready;
  await shows(c, PUMP, { values: { flow: 1 } });
  hub.passes = (_group, _frame, from) => from !== a.lane;
  b.own(2, PUMP);
  await until('it is marked', () => awaySinceMs(c.live.cell(PUMP) ?? { view: {} }) !== undefined);
  await until('it is gone', () => isGone(c.live.cell(PUMP) ?? { view: {} }));
});

test('a restarted process is another one: what it does not tell again is marked', async () => {
  const { node, links } = cell();
  const a = node('a').own(1, PUMP, MIXER);
  const b = node('b');
  a.set(PUMP, { values: { flow: 1 } });
  a.set(MIXER, { values: { speed: 1 } });
  await b.live.want('all').ready;
  await shows(b, MIXER, { values: { speed: 1 } });
  a.close();
  await a.lane.close();
  links.remove('a');
  const again = node('a').own(2, PUMP);
  again.set(PUMP, { values: { flow: 7 } });
  await shows(b, PUMP, { values: { flow: 7 } });
  await until('the other is marked', () => awaySinceMs(b.live.cell(MIXER) ?? { view: {} }) !== undefined);
  assert.equal(awaySinceMs(b.live.cell(PUMP) ?? { view: {} }), undefined);
});

test('who watches views of other nodes is shown them without anybody asking', async () => {
  const { node } = cell();
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
});

test('a node that does not answer makes whoever waits for it fail, with its name', async () => {
  const { node, links } = cell();
  const a = node('a').own(1, PUMP);
  const b = node('b');
  a.set(PUMP, { values: { flow: 1 } });
  links.mute.add('a');
  await assert.rejects(b.live.want('all').ready, (error: Error) => {
    assert.equal(codeOf(error), 'LIVE_VIEWS_MISSING');
    assert.match(error.message, /^a did not say/);
    return true;
  });
});

/** A thing of the group whose shard is none of those. */
function elsewhere(group: string, others: readonly EntityId[]): EntityId {
  const taken = new Set(others.map(shardOf));
  for (let n = 0; ; n++) if (!taken.has(shardOf(thing(group, n)))) return thing(group, n);
}

test('while a part has no owner, or one that is still recovering, whoever looks is told that there may be more', async () => {
  const { node } = cell();
  const LATE = elsewhere('north', [PUMP]);
  const a = node('a');
  const b = node('b');
  for (let shard = 0; shard < SHARD_COUNT; shard++) if (shard !== shardOf(LATE)) a.shards.set(shard, 1);
  a.set(PUMP, { values: { flow: 1 } });
  const interest = b.live.want(['north']);
  await interest.ready;
  await until('all but that part', () => b.live.loading(['north'])?.shards === 1);
  assert.deepEqual(b.live.loading(['north']), { shards: 1, of: SHARD_COUNT });
  assert.deepEqual(b.live.loading(), { shards: 1, of: SHARD_COUNT });
  assert.match(JSON.stringify(b.mirror.parts()), /still loading 1 of 64 shards/);

  // The claim alone says nothing: its entities come one by one.
  a.recovering.add(shardOf(LATE));
  a.own(1, LATE);
  const beats: number[] = [];
  b.lane.follow(BEATS, () => void beats.push(b.live.loading(['north'])?.shards ?? 0));
  await until('some beats', () => beats.length >= 4);
  assert.deepEqual(new Set(beats), new Set([1]));
  assert.equal(a.live.loading('all')?.shards, 1, 'nor is it all for whoever looks at the owner');

  a.set(LATE, { values: { flow: 2 } });
  a.recovering.clear();
  await until('everything', () => b.live.loading(['north']) === undefined);
  assert.deepEqual(b.view(LATE), { values: { flow: 2 } }, 'it is shown by the time that nothing is said to be lacking');
  assert.equal(a.live.loading('all'), undefined);
});

test('what was shown once is not said to be lacking when its owner is gone; to whoever begins to look then it is', async () => {
  const { node, links } = cell();
  const a = node('a');
  for (let shard = 0; shard < SHARD_COUNT; shard++) a.shards.set(shard, 1);
  a.set(PUMP, { values: { flow: 1 } });
  a.set(MIXER, { values: { speed: 1 } });
  const b = node('b');
  const interest = b.live.want(['north']);
  await interest.ready;
  await until('all of it', () => b.live.loading(['north']) === undefined);
  a.close();
  a.lane.isCut = true;
  links.remove('a');
  await until('its views are marked', () => awaySinceMs(b.live.cell(PUMP) ?? { view: {} }) !== undefined);
  assert.equal(b.live.loading(['north']), undefined);
  const other = b.live.want(['south']);
  await other.ready;
  assert.equal(b.view(MIXER), undefined);
  assert.deepEqual(b.live.loading(['south']), { shards: SHARD_COUNT, of: SHARD_COUNT });
  assert.deepEqual(b.live.loading(), { shards: SHARD_COUNT, of: SHARD_COUNT });
  b.own(2, MIXER);
  b.set(MIXER, { values: { speed: 2 } });
  await until('one part less', () => b.live.loading(['south'])?.shards === SHARD_COUNT - 1);
  assert.deepEqual(b.view(MIXER), { values: { speed: 2 } });
});

test('whoever looked at everything has seen each part of it', async () => {
  const { node, links } = cell();
  const a = node('a');
  for (let shard = 0; shard < SHARD_COUNT; shard++) a.shards.set(shard, 1);
  a.set(PUMP, { values: { flow: 1 } });
  const b = node('b');
  const all = b.live.want('all');
  await all.ready;
  await until('all of it', () => b.live.loading('all') === undefined);
  const north = b.live.want(['north']);
  assert.equal(b.live.loading(['north']), undefined);
  all.release();
  await until('only the part is followed', () => !b.lane.following.includes('*') && b.lane.following.includes('north'));
  a.close();
  a.lane.isCut = true;
  links.remove('a');
  await until('its views are marked', () => awaySinceMs(b.live.cell(PUMP) ?? { view: {} }) !== undefined);
  assert.equal(b.live.loading(['north']), undefined);
  north.release();
});

test('a view larger than a frame comes in parts, and a field that is larger still is left out and said', async () => {
  const { node } = cell();
  const a = node('a').own(1, PUMP, FAN);
  const b = node('b');
  a.lane.maxFrameBytes = 2000;
  a.set(FAN, { values: { speed: 1 } });
  await b.live.want('all').ready;
  const values = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`v${index}`, `value ${index}`]));
  a.set(PUMP, { values, props: { name: 'Pump' } });
  await shows(b, PUMP, { values, props: { name: 'Pump' } });
  a.set(FAN, { values: { speed: 2, text: 'x'.repeat(5000) } });
  await shows(b, FAN, { values: { speed: 2 } });
  assert.match(a.mirror.parts()[0]?.detail ?? '', /1 fields were too large/);
});

test('while a lane is full only the newest is kept', async () => {
  const { node } = cell();
  const a = node('a').own(1, PUMP);
  const b = node('b');
  a.set(PUMP, { values: { flow: 0 } });
  await b.live.want('all').ready;
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
});

test('what a newer owner told while this node still believed that a shard was its own is read once it knows better', async () => {
  const { node, hub } = cell();
  // As after a suspension: the shard of the fan is another node's by now, and nobody has told this one.
  const asleep = node('asleep').own(1, FAN);
  const heir = node('heir').own(2, FAN).own(1, PUMP);
  await asleep.live.want(['north']).ready;
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
});

test('whatever is lost, cut or moved, in the end every node shows what the owners show', async () => {
  const ids = [PUMP, FAN, MIXER, thing('south', 'drill'), thing('east', 2)];
  assert.equal(new Set(ids.map(shardOf)).size, ids.length, 'each may move by itself');
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('set'),
        of: fc.nat(4),
        key: fc.constantFrom('x', 'y'),
        value: fc.option(fc.nat(3)),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('replace'),
        of: fc.nat(4),
        key: fc.constantFrom('x', 'y'),
        value: fc.nat(3),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('move'), of: fc.nat(4), key: fc.constant('x'), value: fc.nat(2) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('lose frames'), of: fc.nat(2), key: fc.constant('x'), value: fc.nat(4) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('pause'), of: fc.constant(0), key: fc.constant('x'), value: fc.nat(12) }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const { node, hub } = cell();
      const timing = { silentAfterMs: 5000 };
      const nodes = [node('a', { timing }), node('b', { timing }), node('c', { timing })];
      const owners = new Map<EntityId, number>(ids.map((id, index) => [id, index % 3]));
      let epoch = 1;
      for (const [id, index] of owners) nodes[index]?.own(epoch, id);
      for (const one of nodes) one.live.want('all');
      let losing: { from: MemoryLiveLane | undefined; left: number } = { from: undefined, left: 0 };
      hub.passes = (_group, _frame, from) => from !== losing.from || losing.left-- <= 0;
      for (const { do: what, of, key, value } of steps) {
        const id = ids[of] ?? PUMP;
        const owner = nodes[owners.get(id) ?? 0];
        if (owner === undefined) continue;
        if (what === 'set')
          owner.set(id, { [`g${value ?? 0}`]: { ...owner.view(id)?.[`g${value ?? 0}`], [key]: value } });
        if (what === 'replace') owner.replace(id, { g0: { [key]: value } });
        if (what === 'lose frames') losing = { from: nodes[of]?.lane, left: value ?? 0 };
        if (what === 'pause') await new Promise((resolve) => setTimeout(resolve, value ?? 0));
        if (what !== 'move' || value === null || nodes[value] === owner) continue;
        const last = owner.view(id) ?? { g0: { x: 0 } };
        epoch++;
        owner.lose(id);
        owners.set(id, value);
        nodes[value]?.own(epoch, id);
        nodes[value]?.replace(id, last);
      }
      losing.left = 0;
      await until(
        'all show the same',
        () =>
          ids.every((id) => {
            const own = nodes[owners.get(id) ?? 0]?.view(id);
            return nodes.every(
              (one) => own === undefined || JSON.stringify(sorted(one.view(id))) === JSON.stringify(sorted(own)),
            );
          }),
        5000,
      ).catch((error: unknown) => {
        const shown = ids.map((id) =>
          [id, owners.get(id), ...nodes.map((one) => JSON.stringify(one.view(id)))].join(' '),
        );
        throw new Error(shown.join('\n'), { cause: error });
      });
      for (const one of open.splice(0)) one.close();
    }),
    { numRuns: 25, includeErrorInReport: true, endOnFailure: true },
  );
});

/** Fields in order, without empty groups. */
function sorted(view: View | undefined): unknown {
  return Object.entries(view ?? {})
    .filter(([, fields]) => Object.keys(fields).length > 0)
    .map(([group, fields]) => [group, Object.entries(fields).sort()])
    .sort();
}

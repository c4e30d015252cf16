import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EntityId } from '../../../runtime/ids.ts';
import { awaySinceMs, isGone } from '../../../runtime/live-bus.ts';
import { BEATS } from '../../../runtime/live-lane.ts';
import { SHARD_COUNT, shardOf } from '../../../runtime/ownership.ts';
import { thing } from '../../support/live-nodes.ts';
import { inCell, PUMP } from '../../support/memory-cell.ts';

/** Another thing of the group, in the shard of this one. */
function beside(group: string, other: EntityId): EntityId {
  for (let n = 0; ; n++) if (shardOf(thing(group, n)) === shardOf(other)) return thing(group, n);
}

/** A thing of the group whose shard is none of those. */
function elsewhere(group: string, others: readonly EntityId[]): EntityId {
  const taken = new Set(others.map(shardOf));
  for (let n = 0; ; n++) if (!taken.has(shardOf(thing(group, n)))) return thing(group, n);
}

test(
  'while a part has no owner, or one that is still recovering, whoever looks is told that there may be more',
  inCell(async ({ node, until, ready }) => {
    const LATE = elsewhere('north', [PUMP]);
    const a = node('a');
    const b = node('b');
    for (let shard = 0; shard < SHARD_COUNT; shard++) if (shard !== shardOf(LATE)) a.shards.set(shard, 1);
    a.set(PUMP, { values: { flow: 1 } });
    const interest = b.live.want(['north']);
    await ready(interest);
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
    assert.deepEqual(
      b.view(LATE),
      { values: { flow: 2 } },
      'it is shown by the time that nothing is said to be lacking',
    );
    assert.equal(a.live.loading('all'), undefined);
  }),
);

test(
  'a shard that moves is not said to be lacking; of one whose owner has fallen silent there may be more, made in its last moments',
  inCell(async ({ node, ready, time, until }) => {
    const LAST = beside('north', PUMP);
    const a = node('a');
    for (let shard = 0; shard < SHARD_COUNT; shard++) a.shards.set(shard, 1);
    a.set(PUMP, { values: { flow: 1 } });
    const b = node('b');
    const c = node('c');
    await ready(b.live.want(['north']));
    await until('all of it', () => b.live.loading(['north']) === undefined);

    const lacking: unknown[] = [];
    b.lane.follow(BEATS, () => void lacking.push(b.live.loading(['north'])));
    a.lose(PUMP);
    await time.pass(100);
    c.own(2, PUMP).set(PUMP, { values: { flow: 2 } });
    await until('it has moved', () => b.view(PUMP)?.values?.flow === 2);
    await time.pass(100);
    assert.deepEqual(new Set(lacking), new Set([undefined]));

    c.lane.isCut = true;
    c.set(LAST, { values: { speed: 1 } });
    await until('its views are marked', () => awaySinceMs(b.live.cell(PUMP) ?? { view: {} }) !== undefined);
    assert.equal(b.view(LAST), undefined, 'nobody has told it');
    assert.deepEqual(b.live.loading(['north']), { shards: 1, of: SHARD_COUNT });
    assert.equal(b.view(PUMP)?.values?.flow, 2, 'what was shown is shown on');

    c.close();
    a.recovering.add(shardOf(PUMP));
    a.own(3, PUMP).set(PUMP, { values: { flow: 2 } });
    await time.pass(100);
    assert.deepEqual(b.live.loading(['north']), { shards: 1, of: SHARD_COUNT }, 'nor while the next owner is at it');
    a.set(LAST, { values: { speed: 1 } });
    a.recovering.clear();
    await until('everything', () => b.live.loading(['north']) === undefined);
    assert.deepEqual(b.view(LAST), { values: { speed: 1 } });
  }),
);

test(
  'what a process has told that has begun anew may lack something until it is told again',
  inCell(async ({ node, links, ready, time, until }) => {
    const a = node('a');
    for (let shard = 0; shard < SHARD_COUNT; shard++) a.shards.set(shard, 1);
    a.set(PUMP, { values: { flow: 1 } });
    const b = node('b');
    await ready(b.live.want(['north']));
    await until('all of it', () => b.live.loading(['north']) === undefined);
    a.close();
    await a.lane.close();
    links.remove('a');
    const again = node('a');
    await time.pass(100);
    assert.deepEqual(b.live.loading(['north']), { shards: SHARD_COUNT, of: SHARD_COUNT });
    for (let shard = 0; shard < SHARD_COUNT; shard++) again.shards.set(shard, 2);
    again.set(PUMP, { values: { flow: 1 } });
    await until('all of it again', () => b.live.loading(['north']) === undefined);
  }),
);

test(
  'whoever looked at everything has seen each part of it, until nobody looks at that',
  inCell(async ({ node, ready, time, until }) => {
    const a = node('a');
    for (let shard = 0; shard < SHARD_COUNT; shard++) a.shards.set(shard, 1);
    a.set(PUMP, { values: { flow: 1 } });
    const b = node('b');
    const all = b.live.want('all');
    await ready(all);
    await until('all of it', () => b.live.loading('all') === undefined);
    const north = b.live.want(['north']);
    assert.equal(b.live.loading(['north']), undefined);
    all.release();
    await until(
      'only the part is followed',
      () => !b.lane.following.includes('*') && b.lane.following.includes('north'),
    );
    assert.equal(b.live.loading(['north']), undefined);
    assert.deepEqual(b.view(PUMP), { values: { flow: 1 } });
    north.release();
    await until('nothing is followed', () => !b.lane.following.includes('north'));
    a.lane.isCut = true;
    b.live.want(['north']);
    assert.ok(isGone(b.live.cell(PUMP) ?? { view: {} }));
    assert.deepEqual(b.live.loading(['north']), { shards: SHARD_COUNT, of: SHARD_COUNT });
    await time.pass(1);
  }),
);

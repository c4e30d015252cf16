import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EntityId } from '../../../runtime/ids.ts';
import { awaySinceMs } from '../../../runtime/live-bus.ts';
import { BEATS } from '../../../runtime/live-lane.ts';
import { SHARD_COUNT, shardOf } from '../../../runtime/ownership.ts';
import { thing } from '../../support/live-nodes.ts';
import { inCell, MIXER, PUMP } from '../../support/memory-cell.ts';

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
  'what was shown once is not said to be lacking when its owner is gone; to whoever begins to look then it is',
  inCell(async ({ node, links, until, ready }) => {
    const a = node('a');
    for (let shard = 0; shard < SHARD_COUNT; shard++) a.shards.set(shard, 1);
    a.set(PUMP, { values: { flow: 1 } });
    a.set(MIXER, { values: { speed: 1 } });
    const b = node('b');
    const interest = b.live.want(['north']);
    await ready(interest);
    await until('all of it', () => b.live.loading(['north']) === undefined);
    a.close();
    a.lane.isCut = true;
    links.remove('a');
    await until('its views are marked', () => awaySinceMs(b.live.cell(PUMP) ?? { view: {} }) !== undefined);
    assert.equal(b.live.loading(['north']), undefined);
    const other = b.live.want(['south']);
    await ready(other);
    assert.equal(b.view(MIXER), undefined);
    assert.deepEqual(b.live.loading(['south']), { shards: SHARD_COUNT, of: SHARD_COUNT });
    assert.deepEqual(b.live.loading(), { shards: SHARD_COUNT, of: SHARD_COUNT });
    b.own(2, MIXER);
    b.set(MIXER, { values: { speed: 2 } });
    await until('one part less', () => b.live.loading(['south'])?.shards === SHARD_COUNT - 1);
    assert.deepEqual(b.view(MIXER), { values: { speed: 2 } });
  }),
);

test(
  'whoever looked at everything has seen each part of it',
  inCell(async ({ node, links, until, ready }) => {
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
    a.close();
    a.lane.isCut = true;
    links.remove('a');
    await until('its views are marked', () => awaySinceMs(b.live.cell(PUMP) ?? { view: {} }) !== undefined);
    assert.equal(b.live.loading(['north']), undefined);
    north.release();
  }),
);

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  authorityAt,
  type Member,
  type MemberEffect,
  type MemberInput,
  memberOf,
  stepMember,
} from '../../../../runtime/cluster/member.ts';
import type { ClusterView, ShardRow } from '../../../../runtime/cluster/shard-map.ts';
import { type Timing, timingFor } from '../../../../runtime/cluster/timing.ts';

const SHARDS = 8;
const TIMING: Timing = timingFor(3000, { concurrentClaims: 3, concurrentRecoveries: 2 });

/** The only node of a cell, with a database that answers what the test lets it. */
class Bench {
  monoMs = 0;
  member: Member;
  rows: ShardRow[] = Array.from({ length: SHARDS }, (_, shard) => ({
    shard,
    epoch: 0,
    state: 'free',
    owner: null,
    ownerLive: false,
    target: null,
  }));
  leaving = false;

  constructor() {
    this.member = memberOf({ node: 'a', incarnation: 'a.1', shardCount: SHARDS }, this.at, TIMING);
  }

  get at() {
    return { monoMs: this.monoMs, wallMs: 1e12 + this.monoMs };
  }

  get view(): ClusterView {
    const { incarnation } = this.member.lease;
    const me = { node: 'a', incarnation, live: true, mayHold: true, leaving: this.leaving };
    return { members: [me], shards: this.rows };
  }

  feed(input: MemberInput): readonly MemberEffect[] {
    const { state, effects } = stepMember(this.member, input, TIMING);
    this.member = state;
    return effects;
  }

  /** One tick, all of its effects answered at once and well; what was done is returned. */
  round(): MemberEffect[] {
    this.monoMs += TIMING.tickIntervalMs;
    const done: MemberEffect[] = [];
    let todo: readonly MemberEffect[] = this.feed({ kind: 'tick', at: this.at, random: 0.5 });
    while (todo.length > 0) {
      done.push(...todo);
      todo = todo.flatMap((effect) => this.answers(effect).flatMap((input) => this.feed(input)));
    }
    return done;
  }

  answers(effect: MemberEffect): MemberInput[] {
    const { at } = this;
    switch (effect.kind) {
      case 'join':
      case 'renew':
        return [{ kind: 'renewed', at, incarnation: effect.incarnation, id: effect.id }];
      case 'view':
        return [{ kind: 'viewed', at, id: effect.id, view: this.view, random: 0.5 }];
      case 'claim': {
        const epoch = effect.expected + 1;
        const owner = { node: 'a', incarnation: effect.incarnation };
        this.rows = this.rows.with(effect.shard, {
          ...this.row(effect.shard),
          epoch,
          owner,
          ownerLive: true,
          state: 'claiming',
        });
        return [this.answer(effect, { kind: 'claimed', epoch })];
      }
      case 'recover':
        return [this.answer(effect, { kind: 'recovered', epoch: effect.epoch })];
      case 'mark':
        this.rows = this.rows.with(effect.shard, { ...this.row(effect.shard), state: effect.as });
        return [this.answer(effect, { kind: 'marked', epoch: effect.epoch })];
      case 'drain':
        return [this.answer(effect, { kind: 'drained', epoch: effect.epoch })];
      case 'flush':
        return [this.answer(effect, { kind: 'flushed', epoch: effect.epoch })];
      case 'release':
        this.rows = this.rows.with(effect.shard, { ...this.row(effect.shard), state: 'released', owner: null });
        return [this.answer(effect, { kind: 'released', epoch: effect.epoch })];
      case 'halt':
        return [this.answer(effect, { kind: 'halted', epoch: effect.epoch })];
      default:
        return [];
    }
  }

  answer(
    effect: { shard: number; incarnation: string },
    answer: Extract<MemberInput, { kind: 'shard' }>['answer'],
  ): MemberInput {
    return { kind: 'shard', at: this.at, shard: effect.shard, incarnation: effect.incarnation, answer };
  }

  row(shard: number): ShardRow {
    const row = this.rows[shard];
    assert.ok(row);
    return row;
  }

  rounds(count: number): MemberEffect[] {
    return Array.from({ length: count }, () => this.round()).flat();
  }

  static settled(): Bench {
    const bench = new Bench();
    bench.rounds(30);
    assert.ok(bench.member.shards.every(({ phase }) => phase.kind === 'open'));
    return bench;
  }
}

const kinds = (effects: readonly MemberEffect[]) => effects.map((effect) => effect.kind);

test('a node that joins an empty cell opens every shard', () => {
  const bench = Bench.settled();
  assert.ok(bench.rows.every((row) => row.state === 'open' && row.epoch === 1));
  assert.ok(authorityAt(bench.member, 0, bench.at, TIMING));
});

test('claims and recoveries under way are limited for the whole node', () => {
  const bench = new Bench();
  const open = { claim: new Set<number>(), recover: new Set<number>() };
  const held: MemberInput[] = [];
  for (let n = 0; n < 20; n++) {
    bench.monoMs += TIMING.tickIntervalMs;
    let todo: readonly MemberEffect[] = bench.feed({ kind: 'tick', at: bench.at, random: 0.5 });
    while (todo.length > 0) {
      for (const effect of todo)
        if (effect.kind === 'claim' || effect.kind === 'recover') open[effect.kind].add(effect.shard);
      const [now, later] = [
        todo.filter((effect) => effect.kind !== 'claim'),
        todo.filter((effect) => effect.kind === 'claim'),
      ];
      held.push(...later.flatMap((effect) => bench.answers(effect)));
      todo = now
        .filter((effect) => effect.kind !== 'recover')
        .flatMap((effect) => bench.answers(effect).flatMap((input) => bench.feed(input)));
    }
    if (held.length === 0) continue;
    assert.ok(open.claim.size <= TIMING.concurrentClaims);
    for (const input of held.splice(0)) {
      const effects = bench.feed({ ...input, at: bench.at });
      for (const effect of effects) if (effect.kind === 'recover') open.recover.add(effect.shard);
    }
    open.claim.clear();
    assert.ok(open.recover.size <= TIMING.concurrentRecoveries, `${open.recover.size} recoveries`);
  }
  assert.equal(open.recover.size, TIMING.concurrentRecoveries, 'the rest waits for a permit');
});

test('orphans seen by a node that just woke up are left alone for one heartbeat', () => {
  const bench = Bench.settled();
  const row = bench.row(0);
  bench.feed({
    kind: 'shard',
    at: bench.at,
    shard: 0,
    incarnation: 'a.1',
    answer: { kind: 'fenced', epoch: 1, reason: 'x' },
  });
  bench.feed(bench.answer({ shard: 0, incarnation: 'a.1' }, { kind: 'halted', epoch: 1 }));
  bench.feed(bench.answer({ shard: 0, incarnation: 'a.1' }, { kind: 'notOwner', epoch: 1 }));
  bench.rows = bench.rows.with(0, { ...row, epoch: 2, owner: { node: 'b', incarnation: 'b.1' }, ownerLive: false });
  bench.monoMs += TIMING.fencedRestMs;
  const wokeAtMs = bench.monoMs + TIMING.tickIntervalMs;
  while (!kinds(bench.round()).includes('claim')) assert.ok(bench.monoMs < wokeAtMs + 5000, 'claimed in the end');
  assert.ok(bench.monoMs >= wokeAtMs + TIMING.renewIntervalMs);
});

test('a view asked for before a stall is not believed after it', () => {
  const bench = Bench.settled();
  let view: MemberEffect | undefined;
  while (view === undefined) {
    bench.monoMs += TIMING.tickIntervalMs;
    const effects = bench.feed({ kind: 'tick', at: bench.at, random: 0.5 });
    view = effects.find((effect) => effect.kind === 'view');
    for (const effect of effects)
      if (effect.kind !== 'view') for (const input of bench.answers(effect)) bench.feed(input);
  }
  bench.monoMs += TIMING.loopGapMs + 1;
  const { map } = bench.member;
  bench.rows = [];
  for (const input of bench.answers({ ...view, kind: 'view', id: view.kind === 'view' ? view.id : 0 })) {
    assert.ok(input.kind === 'viewed');
    bench.feed({ ...input, view: { members: [], shards: [] } });
  }
  assert.equal(bench.member.map, map);
});

test('a row that was never marked open, since the database did not hear it, is marked at the next view', () => {
  const bench = Bench.settled();
  bench.rows = bench.rows.with(2, { ...bench.row(2), state: 'claiming' });
  const marks = bench.rounds(10).filter((effect) => effect.kind === 'mark');
  assert.deepEqual(
    marks.map((effect) => [effect.shard, effect.as]),
    [[2, 'open']],
  );
});

test('an incarnation that is rejected stops everything, and only then begins again', () => {
  const bench = Bench.settled();
  const effects = bench.feed({ kind: 'rejected', at: bench.at, incarnation: 'a.1', reason: 'evicted' });
  assert.equal(kinds(effects).filter((kind) => kind === 'halt').length, SHARDS);
  assert.equal(authorityAt(bench.member, 0, bench.at, TIMING), undefined);
  const halted = (shard: number) =>
    bench.feed(bench.answer({ shard, incarnation: 'a.1' }, { kind: 'halted', epoch: 1 }));
  for (let shard = 0; shard < SHARDS - 1; shard++) assert.ok(!kinds(halted(shard)).includes('reincarnate'));
  assert.deepEqual(kinds(halted(SHARDS - 1)), ['reincarnate']);
  assert.deepEqual(kinds(bench.feed({ kind: 'rejoin', at: bench.at, incarnation: 'a.2' })), ['join']);
});

test("what a former incarnation asked for is nobody's any more", () => {
  const bench = Bench.settled();
  for (const effect of bench.feed({ kind: 'rejected', at: bench.at, incarnation: 'a.1', reason: 'evicted' }))
    for (const input of bench.answers(effect)) bench.feed(input);
  bench.feed({ kind: 'rejoin', at: bench.at, incarnation: 'a.2' });
  bench.feed(bench.answer({ shard: 0, incarnation: 'a.1' }, { kind: 'claimed', epoch: 9 }));
  assert.equal(bench.member.shards[0]?.phase.kind, 'unowned');
});

test('a node that leaves hands everything over and says goodbye', () => {
  const bench = Bench.settled();
  bench.leaving = true;
  bench.feed({ kind: 'leave', at: bench.at });
  const effects = bench.rounds(20);
  assert.ok(bench.rows.every((row) => row.state === 'released'));
  assert.deepEqual(
    effects.filter((effect) => effect.kind === 'goodbye'),
    [{ kind: 'goodbye', incarnation: 'a.1' }],
  );
});

test('a hint is followed at once, as far as the lease is held', () => {
  const bench = Bench.settled();
  bench.rows = bench.rows.with(3, {
    ...bench.row(3),
    owner: { node: 'b', incarnation: 'b.1' },
    epoch: 5,
    ownerLive: true,
  });
  const fence = { kind: 'fenced', epoch: 1, reason: 'x' } as const;
  for (const answer of [fence, { kind: 'halted', epoch: 1 }, { kind: 'notOwner', epoch: 1 }] as const)
    bench.feed(bench.answer({ shard: 3, incarnation: 'a.1' }, answer));
  bench.rounds(40);
  const effects = bench.feed({ kind: 'hinted', at: bench.at, shard: 3, epoch: 5 });
  assert.deepEqual(effects, [{ kind: 'claim', shard: 3, expected: 5, incarnation: 'a.1' }]);
});

import { randomUUID } from 'node:crypto';
import type { EntityId } from './ids.ts';
import type { Link } from './link.ts';
import { COMMON_GROUP, type Group, type Interest, type Loading } from './live-bus.ts';
import type { LiveCache } from './live-cache.ts';
import type { Elsewhere, LiveCells } from './live-cells.ts';
import { LiveCopies } from './live-copies.ts';
import { decodeLive, encodeBeat } from './live-frame.ts';
import { LiveInterest } from './live-interest.ts';
import { BEATS, EVERY_GROUP, type LiveLane } from './live-lane.ts';
import { LIVE_MIRROR_TIMING, type LiveMirrorTiming } from './live-mirror-timing.ts';
import { serveOwnViews } from './live-owners.ts';
import { LivePeers } from './live-peers.ts';
import { LivePublisher } from './live-publisher.ts';
import { LiveReader } from './live-reader.ts';
import { ShownShards } from './live-shown.ts';
import { StandingInterest } from './live-standing.ts';
import { LiveWaits } from './live-waits.ts';
import { type Epoch, SHARD_COUNT, type Shard } from './ownership.ts';
import { type Population, shardIn } from './population.ts';
import type { Health } from './runtime.ts';

export interface LiveMirrorOptions {
  readonly node: string;
  readonly live: LiveCells;
  readonly lane: LiveLane;
  readonly link: Pick<Link, 'request' | 'serve' | 'nodes'>;
  readonly cache?: LiveCache;
  readonly population: Pick<Population, 'residents' | 'watchersOf' | 'groupOf' | 'livesWith'>;
  /** The epoch under which this node owns a shard now; undefined where it does not. */
  readonly epochOf: (shard: Shard) => Epoch | undefined;
  /** Shards of this node of which not all entities are up yet. */
  readonly recovering: () => readonly Shard[];
  /** Something that people may want to know: in words. */
  readonly note: (what: string, facts: Readonly<Record<string, unknown>>) => void;
  readonly timing?: Partial<LiveMirrorTiming>;
}

/**
 * The live views of a cell on each of its nodes. What this node owns it tells the others as it changes; what others own it
 * shows as far as somebody here looks at it: frames that come are followed, what was before them is read from the cache or from
 * the owners themselves, and so is whatever a number says is missing. Views of a node that has fallen silent are marked.
 */
export class LiveMirror implements Elsewhere {
  readonly #options: LiveMirrorOptions;
  readonly #timing: LiveMirrorTiming;
  readonly #publisher: LivePublisher;
  readonly #copies: LiveCopies;
  readonly #interest: LiveInterest;
  readonly #standing: StandingInterest;
  readonly #peers: LivePeers;
  readonly #reader: LiveReader;
  readonly #waits: LiveWaits;
  readonly #shown: ShownShards;
  readonly #following = new Map<Group, () => void>();
  /** Of the shards, as far as known when they were last looked at. */
  readonly #epochs = new Map<Shard, Epoch>();
  /** Those of them of which the others have been told what they show. Beats name no others: who is named has said everything. */
  readonly #told = new Map<Shard, Epoch>();
  readonly #detach: (() => void)[] = [];
  #dropped = 0;
  #closed = false;

  constructor(options: LiveMirrorOptions) {
    this.#options = options;
    this.#timing = { ...LIVE_MIRROR_TIMING, ...options.timing };
    const { node, live, lane, link, cache, epochOf, population, note } = options;
    const shardOf = (id: EntityId) => shardIn(population, id);
    this.#copies = new LiveCopies({ live, epochOf, shardOf });
    this.#interest = new LiveInterest({ lingerMs: this.#timing.lingerMs, changed: () => this.#follow() });
    this.#standing = new StandingInterest(options.population, (groups) => this.#interest.add(groups));
    this.#peers = new LivePeers({ copies: this.#copies, link, timing: this.#timing, note });
    this.#waits = new LiveWaits({ awaited: () => this.#peers.awaited(), timeoutMs: this.#timing.readyTimeoutMs });
    this.#shown = new ShownShards({
      following: () => this.#interest.groups,
      own: () => this.#risen(),
      peers: () => this.#peers.all(),
      flush: () => live.flush(),
    });
    this.#reader = new LiveReader({
      node,
      link,
      cache,
      peers: this.#peers,
      copies: this.#copies,
      covers: this.#covers,
      settled: () => this.#waits.settle(),
    });
    this.#publisher = new LivePublisher({
      node,
      run: randomUUID(),
      live,
      lane,
      cache,
      groupOf: this.groupOf,
      shardOf,
      epochOf,
      isWanted: (group) => this.#peers.isWanted(group),
      intervalMs: this.#timing.publishIntervalMs,
      dropped: (fields) => {
        this.#dropped += fields;
      },
      // Not from within: it is called while a flush goes round.
      published: () => {
        if (this.#told.size < this.#epochs.size) setImmediate(() => this.#tellRisen());
      },
    });
  }

  /** Begins to tell and to hear. From now on the bus shows what others own, to whoever wants it. */
  start(): void {
    const { live, lane, link, cache } = this.#options;
    serveOwnViews(link, this.#publisher);
    cache?.keep(this.#publisher);
    const beating = setInterval(() => this.#beat(), this.#timing.beatIntervalMs);
    const looking = setInterval(() => this.#look(), this.#timing.beatIntervalMs / 2);
    const listened = setTimeout(() => this.#waits.heardAll(), this.#timing.beatIntervalMs * 1.25);
    this.#detach.push(
      live.onFlush((changed) => {
        if (this.#copies.size > 0) for (const cell of changed) if (!cell.mirrored) this.#copies.release(cell.id);
        this.#publisher.changed(changed);
      }),
      lane.follow(BEATS, (bytes) => this.#heardBeat(bytes)),
      lane.onOpen(() => this.#opened()),
      () => clearInterval(beating),
      () => clearInterval(looking),
      () => clearTimeout(listened),
    );
    live.reach(this);
    this.#look();
    this.#publisher.changed(live.all());
    this.#beat();
  }

  readonly groupOf = (id: EntityId): Group => this.#options.population.groupOf?.(id) ?? COMMON_GROUP;

  want(wanted: readonly Group[] | 'all'): Interest {
    const groups = wanted === 'all' ? [EVERY_GROUP] : [...new Set(wanted)];
    const release = this.#interest.add(groups);
    if (this.#waits.isShown(groups)) return { isReady: true, ready: Promise.resolve(), release };
    return { isReady: false, ready: this.#waits.shown(groups), release };
  }

  loading(groups?: readonly Group[] | 'all'): Loading | undefined {
    const looked = groups === 'all' ? [EVERY_GROUP] : (groups ?? this.#interest.groups);
    const shards = this.#shown.missing(looked);
    return shards === 0 ? undefined : { shards, of: SHARD_COUNT };
  }

  isTold(id: EntityId): boolean {
    return this.#copies.isTold(id);
  }

  /** For the health page. */
  parts(): Health['parts'] {
    const { lane, cache } = this.#options;
    const { connected, detail } = lane.state;
    const { silent } = this.#peers;
    const { away, size } = this.#copies;
    const loading = this.loading();
    const trouble = [
      ...(connected ? [] : [detail]),
      ...(silent.length > 0 ? [`nothing comes from ${silent.join(', ')}`] : []),
      ...(away > 0 ? [`${away} views are marked as of a silent owner`] : []),
      ...(this.#dropped > 0 ? [`${this.#dropped} fields were too large for the other nodes`] : []),
    ];
    // As long as it takes with every shard that changes its owner: no trouble, but to be told.
    const lacking = loading === undefined ? '' : `; still loading ${loading.shards} of ${loading.of} shards`;
    return [
      {
        name: 'live views',
        status: trouble.length > 0 ? 'degraded' : 'healthy',
        detail: `${trouble.length > 0 ? trouble.join('; ') : `${size} of other nodes; ${detail}`}${lacking}`,
      },
      // Without it everything is there too, only that the owners are asked more often.
      ...(cache === undefined
        ? []
        : [
            {
              name: 'live cache',
              status: cache.state.connected ? ('healthy' as const) : ('degraded' as const),
              detail: cache.state.detail,
            },
          ]),
    ];
  }

  /** Ends what was begun; lane and cache belong to whoever opened them. */
  close(): void {
    // What was handed over since the last look: the others need not take it for silence.
    this.#lookAtShards();
    this.#closed = true;
    for (const detach of this.#detach) detach();
    for (const stop of this.#following.values()) stop();
    this.#following.clear();
    this.#reader.close();
    this.#publisher.close();
    this.#interest.close();
    this.#waits.close();
  }

  #covers = (group: Group): boolean => this.#interest.covers(group);

  /** Follows what is wanted now. What comes is held until what was before it has been read. */
  #follow(): void {
    if (this.#closed) return;
    const { groups } = this.#interest;
    const fresh = [...groups].filter((group) => !this.#following.has(group));
    const stale = [...this.#following].filter(([group]) => !groups.has(group));
    for (const group of fresh)
      this.#following.set(
        group,
        this.#options.lane.follow(group, (bytes) => this.#heard(bytes)),
      );
    for (const [group, stop] of stale) {
      stop();
      this.#following.delete(group);
    }
    for (const peer of this.#peers.all()) peer.letGo(this.#covers);
    this.#shown.followed();
    this.#forgetUnwanted();
    // Others send what is wanted: to be told before they are asked what they have.
    this.#beat();
    if (fresh.length > 0) void this.#reader.read(fresh);
  }

  #forgetUnwanted(): void {
    this.#copies.forget([...this.#copies.all()].filter(({ group }) => !this.#covers(group)));
  }

  #heard(bytes: Uint8Array): void {
    const frame = decodeLive(bytes);
    if (frame?.kind !== 'frame' || frame.node === this.#options.node || !this.#covers(frame.group)) return;
    this.#reader.heard(frame);
  }

  #heardBeat(bytes: Uint8Array): void {
    const beat = decodeLive(bytes);
    if (beat?.kind !== 'beat' || beat.node === this.#options.node) return;
    const isNew = !this.#peers.get(beat.node)?.spoke;
    const peer = this.#peers.spoken(beat);
    const lost = [...peer.shards].filter(([shard, epoch]) => beat.shards.get(shard) !== epoch);
    const behind = peer.beat(beat, this.#covers);
    this.#peers.lost(peer, new Map(lost));
    this.#reader.ask(peer, [...behind, ...this.#following.keys()]);
    this.#shown.look();
    this.#waits.settle();
    // It has to know soon what is wanted here.
    if (isNew) this.#beat();
  }

  #beat(): void {
    const { node, lane } = this.#options;
    if (this.#closed || !lane.state.connected) return;
    const { groups } = this.#interest;
    const beat = {
      node,
      run: this.#publisher.run,
      numbers: this.#publisher.numbers(),
      wants: groups.has(EVERY_GROUP) ? ('all' as const) : [...groups],
      shards: this.#told,
    };
    for (const bytes of encodeBeat(beat, lane.maxFrameBytes)) lane.publish(BEATS, bytes);
  }

  #opened(): void {
    this.#beat();
    this.#publisher.publishSoon();
  }

  /** What nobody tells: shards that came or went, nodes that are silent, owners that did not answer. */
  #look(): void {
    this.#lookAtShards();
    this.#tellRisen();
    // Before somebody is found to be silent: what it has shown until now is shown.
    this.#shown.look();
    this.#peers.look(this.#epochs);
    const following = [...this.#following.keys()];
    if (following.length > 0) for (const peer of this.#peers.awaited()) this.#reader.ask(peer, following);
    for (const peer of this.#peers.all()) this.#reader.askTorn(peer);
    this.#waits.settle();
  }

  #lookAtShards(): void {
    const { epochOf, live } = this.#options;
    const gained = new Set<Shard>();
    const lost = new Map<Shard, Epoch>();
    for (let shard = 0; shard < SHARD_COUNT; shard++) {
      const before = this.#epochs.get(shard);
      const epoch = epochOf(shard);
      if (epoch === before) continue;
      this.#told.delete(shard);
      if (epoch === undefined) this.#epochs.delete(shard);
      else this.#epochs.set(shard, epoch);
      if (epoch !== undefined) gained.add(shard);
      else if (before !== undefined) lost.set(shard, before);
    }
    // Also of shards that came and went again since the last look.
    const hasMissed = this.#copies.missed();
    if (hasMissed && lost.size === 0) this.#readAgain();
    if (gained.size + lost.size === 0) return;
    if (lost.size > 0) {
      this.#copies.inherit(live.all(), this.groupOf, lost);
      if (hasMissed) this.#readAgain();
      this.#forgetUnwanted();
    }
    this.#standing.own(new Set(this.#epochs.keys()));
    if (gained.size > 0) this.#publisher.tellAgain(gained);
    this.#beat();
  }

  #readAgain(): void {
    for (const peer of this.#peers.all()) {
      peer.read.clear();
      this.#reader.ask(peer, [...this.#following.keys()]);
    }
  }

  /** Shards of this node whose entities are all up. */
  #risen(): Shard[] {
    const recovering = new Set(this.#options.recovering());
    return [...this.#epochs.keys()].filter((shard) => !recovering.has(shard));
  }

  /** Beats name a shard once everything in it has been told, and not before: whoever hears that may take it for all. */
  #tellRisen(): void {
    if (this.#closed || this.#told.size === this.#epochs.size) return;
    const risen = this.#risen().filter((shard) => !this.#told.has(shard));
    if (risen.length === 0) return;
    this.#options.live.flush();
    if (!this.#publisher.isThrough) return;
    for (const shard of risen) {
      const epoch = this.#epochs.get(shard);
      if (epoch !== undefined) this.#told.set(shard, epoch);
    }
    this.#beat();
  }
}

import { randomUUID } from 'node:crypto';
import { ErrorWithCode } from './errors.ts';
import type { EntityId } from './ids.ts';
import type { Link } from './link.ts';
import { COMMON_GROUP, type Group, type Interest } from './live-bus.ts';
import type { LiveCache, NodeViews } from './live-cache.ts';
import type { Elsewhere, LiveCells } from './live-cells.ts';
import { type Copy, LiveCopies } from './live-copies.ts';
import { decodeLive, encodeBeat, type LiveBeat, type LiveFrame } from './live-frame.ts';
import { LiveInterest } from './live-interest.ts';
import { BEATS, EVERY_GROUP, type LiveLane } from './live-lane.ts';
import { readFromOwner, serveOwnViews } from './live-owners.ts';
import { Peer } from './live-peer.ts';
import { LivePublisher } from './live-publisher.ts';
import { StandingInterest } from './live-standing.ts';
import { type Epoch, SHARD_COUNT, type Shard } from './ownership.ts';
import { type Population, shardIn } from './population.ts';
import type { Health } from './runtime.ts';

export interface LiveMirrorTiming {
  /** Shortest time between two frames of this node. */
  readonly publishIntervalMs: number;
  readonly beatIntervalMs: number;
  /** Without a word for so long, a node's views are marked. */
  readonly silentAfterMs: number;
  /** A marked view whose shard has another owner since, who does not show it, is gone after so long. */
  readonly forgetAfterMs: number;
  /** For so long a group is followed on that nobody looks at any more. */
  readonly lingerMs: number;
  /** Bound of `Interest.ready`. */
  readonly readyTimeoutMs: number;
}

export const LIVE_MIRROR_TIMING: LiveMirrorTiming = {
  publishIntervalMs: 10,
  beatIntervalMs: 1000,
  silentAfterMs: 3000,
  forgetAfterMs: 60_000,
  lingerMs: 60_000,
  readyTimeoutMs: 5000,
};

export interface LiveMirrorOptions {
  readonly node: string;
  readonly live: LiveCells;
  readonly lane: LiveLane;
  readonly link: Pick<Link, 'request' | 'serve' | 'nodes'>;
  readonly cache?: LiveCache;
  readonly population: Pick<Population, 'residents' | 'watchersOf' | 'groupOf' | 'livesWith'>;
  /** The epoch under which this node owns a shard now; undefined where it does not. */
  readonly epochOf: (shard: Shard) => Epoch | undefined;
  /** Something that people may want to know: in words. */
  readonly note: (what: string, facts: Readonly<Record<string, unknown>>) => void;
  readonly timing?: Partial<LiveMirrorTiming>;
}

/** Somebody waits until everything that these groups have is shown. */
interface Waiting {
  readonly groups: readonly Group[];
  resolve(): void;
  reject(error: ErrorWithCode): void;
  readonly timer: NodeJS.Timeout;
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
  readonly #peers = new Map<string, Peer>();
  readonly #following = new Map<Group, () => void>();
  readonly #waiting = new Set<Waiting>();
  /** Of the shards, as far as known when they were last looked at. */
  readonly #epochs = new Map<Shard, Epoch>();
  readonly #detach: (() => void)[] = [];
  /** Groups that are being looked up in the cache: their owners are not asked meanwhile. */
  readonly #inCache = new Set<Group>();
  #dropped = 0;
  /** Whoever is there has had the time to be heard. */
  #heardAll = false;
  #closed = false;

  constructor(options: LiveMirrorOptions) {
    this.#options = options;
    this.#timing = { ...LIVE_MIRROR_TIMING, ...options.timing };
    const { node, live, lane, cache, epochOf, population } = options;
    const shardOf = (id: EntityId) => shardIn(population, id);
    this.#copies = new LiveCopies({ live, isOwn: (shard) => epochOf(shard) !== undefined, shardOf });
    this.#interest = new LiveInterest({ lingerMs: this.#timing.lingerMs, changed: () => this.#follow() });
    this.#standing = new StandingInterest(options.population, (groups) => this.#interest.add(groups));
    this.#publisher = new LivePublisher({
      node,
      run: randomUUID(),
      live,
      lane,
      cache,
      groupOf: this.groupOf,
      shardOf,
      epochOf,
      isWanted: (group) => this.#isWanted(group),
      intervalMs: this.#timing.publishIntervalMs,
      dropped: (fields) => {
        this.#dropped += fields;
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
    this.#detach.push(
      live.onFlush((changed) => {
        if (this.#copies.size > 0) for (const cell of changed) if (!cell.mirrored) this.#copies.release(cell.id);
        this.#publisher.changed(changed);
      }),
      lane.follow(BEATS, (bytes) => this.#heardBeat(bytes)),
      lane.onOpen(() => this.#opened()),
      () => clearInterval(beating),
      () => clearInterval(looking),
    );
    const listened = setTimeout(() => {
      this.#heardAll = true;
      this.#settle();
    }, this.#timing.beatIntervalMs * 1.25);
    this.#detach.push(() => clearTimeout(listened));
    live.reach(this);
    this.#look();
    this.#publisher.changed(live.all());
    this.#beat();
  }

  readonly groupOf = (id: EntityId): Group => this.#options.population.groupOf?.(id) ?? COMMON_GROUP;

  want(wanted: readonly Group[] | 'all'): Interest {
    const groups = wanted === 'all' ? [EVERY_GROUP] : [...new Set(wanted)];
    const release = this.#interest.add(groups);
    if (this.#isShown(groups)) return { isReady: true, ready: Promise.resolve(), release };
    const ready = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => this.#giveUp(waiting), this.#timing.readyTimeoutMs);
      const waiting: Waiting = { groups, resolve, reject, timer };
      this.#waiting.add(waiting);
    });
    // Whoever only looks, and does not wait, is not to end the process.
    ready.catch(() => undefined);
    return { isReady: false, ready, release };
  }

  /** For the health page. */
  parts(): Health['parts'] {
    const { lane, cache } = this.#options;
    const { connected, detail } = lane.state;
    const silent = [...this.#peers.values()].filter(({ awaySinceMs }) => awaySinceMs !== undefined);
    const { away, size } = this.#copies;
    const trouble = [
      ...(connected ? [] : [detail]),
      ...(silent.length > 0 ? [`nothing comes from ${silent.map(({ node }) => node).join(', ')}`] : []),
      ...(away > 0 ? [`${away} views are marked as of a silent owner`] : []),
      ...(this.#dropped > 0 ? [`${this.#dropped} fields were too large for the other nodes`] : []),
    ];
    return [
      {
        name: 'live views',
        status: trouble.length > 0 ? 'degraded' : 'healthy',
        detail: trouble.length > 0 ? trouble.join('; ') : `${size} of other nodes; ${detail}`,
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
    this.#closed = true;
    for (const detach of this.#detach) detach();
    for (const stop of this.#following.values()) stop();
    this.#following.clear();
    this.#publisher.close();
    this.#interest.close();
    for (const { timer, reject } of this.#waiting) {
      clearTimeout(timer);
      reject(new ErrorWithCode('LIVE_VIEWS_MISSING', 'this node is stopping'));
    }
    this.#waiting.clear();
  }

  #isWanted(group: Group): boolean {
    for (const { wants } of this.#peers.values()) if (wants === 'all' || wants.has(group)) return true;
    return false;
  }

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
    const isCovered = (group: Group) => this.#interest.covers(group);
    for (const peer of this.#peers.values()) peer.letGo(isCovered);
    this.#copies.forget([...this.#copies.all()].filter(({ group }) => !isCovered(group)));
    // Others send what is wanted: to be told before they are asked what they have.
    this.#beat();
    if (fresh.length > 0) void this.#read(fresh);
  }

  /** What was before the frames: from the cache as far as it is new enough, else from the owners. */
  async #read(groups: readonly Group[]): Promise<void> {
    const { cache } = this.#options;
    if (cache?.usable) {
      const of = groups.includes(EVERY_GROUP) ? 'all' : groups;
      for (const group of groups) this.#inCache.add(group);
      const found = await cache.read(of).catch(() => []);
      for (const group of groups) this.#inCache.delete(group);
      if (this.#closed) return;
      for (const views of found) if (views.node !== this.#options.node) this.#adopt(views, groups, false);
    }
    for (const peer of this.#awaited()) this.#ask(peer, groups);
    this.#settle();
  }

  /** Of whom it has to be known what they show: those that can be reached, or speak. */
  #awaited(): Peer[] {
    for (const node of this.#options.link.nodes) this.#peerOf(node);
    const reachable = new Set(this.#options.link.nodes);
    return [...this.#peers.values()].filter(
      ({ node, spoke, awaySinceMs }) => awaySinceMs === undefined && (spoke || reachable.has(node)),
    );
  }

  #ask(peer: Peer, groups: readonly Group[]): void {
    for (const group of groups) {
      if (!this.#interest.covers(group) || this.#inCache.has(group) || this.#inCache.has(EVERY_GROUP)) continue;
      if (peer.hasRead(group) && !peer.streams.get(group)?.torn) continue;
      peer.unread.add(group);
    }
    if (!peer.reading && peer.unread.size > 0) void this.#readFrom(peer);
  }

  async #readFrom(peer: Peer): Promise<void> {
    peer.reading = true;
    while (peer.unread.size > 0 && !this.#closed) {
      const groups = [...peer.unread].filter((group) => !peer.hasRead(group) || peer.streams.get(group)?.torn);
      peer.unread.clear();
      if (groups.length === 0) break;
      try {
        const of = groups.includes(EVERY_GROUP) ? 'all' : groups;
        this.#adopt(await readFromOwner(this.#options.link, peer.node, of), groups, true);
      } catch {
        // The next look tries again, for as long as it can be reached.
        break;
      }
    }
    peer.reading = false;
    this.#settle();
  }

  /** @param isOwner from the owner itself, so as new as can be */
  #adopt({ node, run, numbers, views }: NodeViews, groups: readonly Group[], isOwner: boolean): void {
    const peer = this.#peerOf(node);
    if (peer.run === undefined || (isOwner && peer.run !== run)) this.#beginRun(peer, run);
    const isOfRun = peer.run === run;
    const listed = new Set<EntityId>();
    for (const { group, ...owned } of views) {
      listed.add(owned.id);
      if (this.#interest.covers(group)) this.#copies.offer({ node, run }, group, owned);
    }
    if (!isOfRun) return;
    const all = groups.includes(EVERY_GROUP) ? new Set([...numbers.keys(), ...peer.streams.keys()]) : new Set(groups);
    let isNewest = true;
    for (const group of all) {
      const number = numbers.get(group) ?? 0;
      isNewest &&= number >= (peer.numbers.get(group) ?? 0);
      const frames = peer.resume(group, number);
      if (frames === undefined) continue;
      this.#missed(peer, group, listed);
      for (const frame of frames) this.#apply(peer, frame);
    }
    // A cache says what was; whether that is all, a node that speaks says by its numbers.
    if (isOwner || (peer.spoke && isNewest)) for (const group of groups) peer.read.add(group);
    this.#askTorn(peer);
    this.#settle();
  }

  /** Copies of what their teller does not list any more. */
  #missed(peer: Peer, of: Group, listed: ReadonlySet<EntityId>): void {
    const gone: Copy[] = [];
    for (const copy of this.#copies.all()) {
      const { id, group, node, run, shard, epoch } = copy;
      if (group !== of || node !== peer.node || run !== peer.run || listed.has(id)) continue;
      // Where it is still the owner, the entity is gone; else somebody else has it now.
      if (peer.shards.get(shard) === epoch) gone.push(copy);
      else this.#copies.orphan(copy, performance.now());
    }
    if (gone.length > 0) this.#copies.forget(gone);
  }

  #heard(bytes: Uint8Array): void {
    const frame = decodeLive(bytes);
    if (frame?.kind !== 'frame' || frame.node === this.#options.node || !this.#interest.covers(frame.group)) return;
    const peer = this.#spoken(frame);
    for (const next of peer.take(frame)) this.#apply(peer, next);
    const { seen, torn } = peer.stream(frame.group);
    if (torn || (seen === undefined && !peer.hasRead(frame.group))) this.#ask(peer, [frame.group]);
  }

  #apply(peer: Peer, { node, run, group, revision, changes }: LiveFrame): void {
    for (const change of changes) {
      if (this.#copies.apply({ node, run }, group, revision, change)) continue;
      peer.stream(group).torn = true;
    }
  }

  #askTorn(peer: Peer): void {
    const torn: Group[] = [];
    for (const [group, stream] of peer.streams) if (stream.torn) torn.push(group);
    if (torn.length > 0) this.#ask(peer, torn);
  }

  #heardBeat(bytes: Uint8Array): void {
    const beat = decodeLive(bytes);
    if (beat?.kind !== 'beat' || beat.node === this.#options.node) return;
    const isNew = !this.#peers.get(beat.node)?.spoke;
    const peer = this.#spoken(beat);
    const lost = [...peer.shards].filter(([shard, epoch]) => beat.shards.get(shard) !== epoch);
    const behind = peer.beat(beat, (group) => this.#interest.covers(group));
    if (lost.length > 0) this.#orphan(peer, new Map(lost));
    this.#ask(peer, [...behind, ...this.#following.keys()]);
    this.#settle();
    // It has to know soon what is wanted here.
    if (isNew) this.#beat();
  }

  #spoken({ node, run }: LiveFrame | LiveBeat): Peer {
    const peer = this.#peerOf(node);
    peer.heardMs = performance.now();
    peer.spoke = true;
    if (peer.run !== run) this.#beginRun(peer, run);
    if (peer.awaySinceMs !== undefined) {
      peer.awaySinceMs = undefined;
      this.#options.note('a node speaks again', { node });
      // What a process before this one has told it has to tell again.
      for (const copy of this.#copies.all())
        if (copy.node === node && copy.run === run) this.#copies.mark(copy, undefined);
    }
    return peer;
  }

  /** Nobody speaks for what the process before this one told, until somebody tells it again. */
  #beginRun(peer: Peer, run: string): void {
    peer.beginRun(run);
    for (const copy of this.#copies.all())
      if (copy.node === peer.node && copy.run !== run) this.#copies.orphan(copy, performance.now());
  }

  #orphan(peer: Peer, shards: ReadonlyMap<Shard, Epoch>): void {
    for (const copy of this.#copies.all())
      if (copy.node === peer.node && shards.get(copy.shard) === copy.epoch)
        this.#copies.orphan(copy, performance.now());
  }

  #peerOf(node: string): Peer {
    let peer = this.#peers.get(node);
    if (peer === undefined) {
      peer = new Peer(node, performance.now());
      this.#peers.set(node, peer);
    }
    return peer;
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
      shards: this.#epochs,
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
    const nowMs = performance.now();
    for (const peer of this.#peers.values()) this.#lookAt(peer, nowMs);
    this.#lookAtCopies(nowMs);
    const following = [...this.#following.keys()];
    if (following.length > 0) for (const peer of this.#awaited()) this.#ask(peer, following);
    for (const peer of this.#peers.values()) this.#askTorn(peer);
    this.#settle();
  }

  #lookAtShards(): void {
    const { epochOf, live } = this.#options;
    const gained = new Set<Shard>();
    const lost = new Map<Shard, Epoch>();
    for (let shard = 0; shard < SHARD_COUNT; shard++) {
      const before = this.#epochs.get(shard);
      const epoch = epochOf(shard);
      if (epoch === before) continue;
      if (epoch === undefined) this.#epochs.delete(shard);
      else this.#epochs.set(shard, epoch);
      if (epoch !== undefined) gained.add(shard);
      else if (before !== undefined) lost.set(shard, before);
    }
    if (gained.size + lost.size === 0) return;
    if (lost.size > 0) {
      this.#copies.inherit(live.all(), this.groupOf, lost);
      this.#copies.forget([...this.#copies.all()].filter(({ group }) => !this.#interest.covers(group)));
    }
    this.#standing.own(new Set(this.#epochs.keys()));
    if (gained.size > 0) this.#publisher.tellAgain(gained);
    this.#beat();
  }

  #lookAt(peer: Peer, nowMs: number): void {
    const silentMs = nowMs - peer.heardMs;
    if (peer.awaySinceMs === undefined && silentMs >= this.#timing.silentAfterMs) {
      peer.awaySinceMs = Math.round(Date.now() - silentMs);
      peer.wants = new Set();
      if (peer.spoke) this.#options.note('a node is silent; its views are marked', { node: peer.node });
    }
    // Forgotten with the last of its views: names of nodes come and go.
    if (peer.awaySinceMs === undefined || silentMs < this.#timing.forgetAfterMs || peer.reading) return;
    for (const copy of this.#copies.all()) if (copy.node === peer.node) this.#copies.orphan(copy, peer.heardMs);
    this.#peers.delete(peer.node);
  }

  #lookAtCopies(nowMs: number): void {
    const { silentAfterMs, forgetAfterMs } = this.#timing;
    const owned = new Map<Shard, Epoch>(this.#epochs);
    for (const { shards, awaySinceMs } of this.#peers.values()) {
      if (awaySinceMs !== undefined) continue;
      for (const [shard, epoch] of shards) if (epoch > (owned.get(shard) ?? 0)) owned.set(shard, epoch);
    }
    const gone: Copy[] = [];
    for (const copy of this.#copies.all()) {
      const peer = copy.node === undefined ? undefined : this.#peers.get(copy.node);
      if (peer?.awaySinceMs === undefined && copy.node !== undefined) continue;
      copy.silentSinceMs ??= peer?.heardMs ?? nowMs;
      const silentMs = nowMs - copy.silentSinceMs;
      if (silentMs >= silentAfterMs) this.#copies.mark(copy, copy.awaySinceMs ?? Math.round(Date.now() - silentMs));
      if (silentMs >= forgetAfterMs && (owned.get(copy.shard) ?? 0) > copy.epoch) gone.push(copy);
    }
    if (gone.length > 0) this.#copies.forget(gone);
  }

  #isShown(groups: readonly Group[]): boolean {
    return this.#heardAll && this.#missing(groups).length === 0;
  }

  /** Nodes of which it is not known yet what they show of these groups. */
  #missing(groups: readonly Group[]): string[] {
    return this.#awaited()
      .filter((peer) => groups.some((group) => !peer.hasRead(group)))
      .map(({ node }) => node);
  }

  #settle(): void {
    for (const waiting of [...this.#waiting]) {
      if (!this.#isShown(waiting.groups)) continue;
      this.#waiting.delete(waiting);
      clearTimeout(waiting.timer);
      waiting.resolve();
    }
  }

  #giveUp(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    const nodes = this.#missing(waiting.groups).join(', ');
    waiting.reject(
      new ErrorWithCode(
        'LIVE_VIEWS_MISSING',
        `${nodes} did not say within ${this.#timing.readyTimeoutMs} ms what they show`,
      ),
    );
  }
}

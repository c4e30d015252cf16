import type { EntityId } from './ids.ts';
import type { Link } from './link.ts';
import type { Group } from './live-bus.ts';
import type { LiveCache, NodeViews } from './live-cache.ts';
import type { Copy, LiveCopies } from './live-copies.ts';
import type { LiveFrame } from './live-frame.ts';
import { EVERY_GROUP } from './live-lane.ts';
import { readFromOwner } from './live-owners.ts';
import type { Peer } from './live-peer.ts';
import type { LivePeers } from './live-peers.ts';

export interface LiveReaderOptions {
  /** This node. */
  readonly node: string;
  readonly link: Pick<Link, 'request'>;
  readonly cache: LiveCache | undefined;
  readonly peers: LivePeers;
  readonly copies: LiveCopies;
  /** Somebody here looks at the group. */
  readonly covers: (group: Group) => boolean;
  /** More may be shown now than before. */
  readonly settled: () => void;
}

/**
 * Takes the frames of other nodes in order. What was before the first of them is read from the cache or from the owners
 * themselves, and so is whatever a number says is missing; frames that come meanwhile are held.
 */
export class LiveReader {
  readonly #options: LiveReaderOptions;
  /** Groups that are being looked up in the cache: their owners are not asked meanwhile. */
  readonly #inCache = new Set<Group>();
  #closed = false;

  constructor(options: LiveReaderOptions) {
    this.#options = options;
  }

  heard(frame: LiveFrame): void {
    const peer = this.#options.peers.spoken(frame);
    for (const next of peer.take(frame)) this.#apply(peer, next);
    const { seen, torn } = peer.stream(frame.group);
    if (torn || (seen === undefined && !peer.hasRead(frame.group))) this.ask(peer, [frame.group]);
  }

  /** What was before the frames: from the cache as far as it is new enough, else from the owners. */
  async read(groups: readonly Group[]): Promise<void> {
    const { cache, node, peers, settled } = this.#options;
    if (cache?.usable) {
      const of = groups.includes(EVERY_GROUP) ? 'all' : groups;
      for (const group of groups) this.#inCache.add(group);
      const found = await cache.read(of).catch(() => []);
      for (const group of groups) this.#inCache.delete(group);
      if (this.#closed) return;
      for (const views of found) if (views.node !== node) this.#adopt(views, groups, false);
    }
    for (const peer of peers.awaited()) this.ask(peer, groups);
    settled();
  }

  /** Reads from a node whatever of these groups is not known of it, or is torn. */
  ask(peer: Peer, groups: readonly Group[]): void {
    for (const group of groups) {
      if (!this.#options.covers(group) || this.#inCache.has(group) || this.#inCache.has(EVERY_GROUP)) continue;
      if (peer.hasRead(group) && !peer.streams.get(group)?.torn) continue;
      peer.unread.add(group);
    }
    if (!peer.reading && peer.unread.size > 0) void this.#readFrom(peer);
  }

  askTorn(peer: Peer): void {
    const torn: Group[] = [];
    for (const [group, stream] of peer.streams) if (stream.torn) torn.push(group);
    if (torn.length > 0) this.ask(peer, torn);
  }

  close(): void {
    this.#closed = true;
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
    this.#options.settled();
  }

  /** @param isOwner from the owner itself, so as new as can be */
  #adopt({ node, run, numbers, views }: NodeViews, groups: readonly Group[], isOwner: boolean): void {
    const { peers, copies, covers, settled } = this.#options;
    const peer = peers.of(node);
    if (peer.run === undefined || (isOwner && peer.run !== run)) peers.beginRun(peer, run);
    const isOfRun = peer.run === run;
    const listed = new Set<EntityId>();
    for (const { group, ...owned } of views) {
      listed.add(owned.id);
      if (covers(group)) copies.offer({ node, run }, group, owned);
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
    this.askTorn(peer);
    settled();
  }

  /** Copies of what their teller does not list any more. */
  #missed(peer: Peer, of: Group, listed: ReadonlySet<EntityId>): void {
    const { copies } = this.#options;
    const gone: Copy[] = [];
    for (const copy of copies.all()) {
      const { id, group, node, run, shard, epoch } = copy;
      if (group !== of || node !== peer.node || run !== peer.run || listed.has(id)) continue;
      // Where it is still the owner, the entity is gone; else somebody else has it now.
      if (peer.shards.get(shard) === epoch) gone.push(copy);
      else copies.orphan(copy, performance.now());
    }
    if (gone.length > 0) copies.forget(gone);
  }

  #apply(peer: Peer, { node, run, group, revision, changes }: LiveFrame): void {
    for (const change of changes) {
      if (this.#options.copies.apply({ node, run }, group, revision, change)) continue;
      peer.stream(group).torn = true;
    }
  }
}

import type { Link } from './link.ts';
import type { Group } from './live-bus.ts';
import type { Copy, LiveCopies } from './live-copies.ts';
import type { LiveBeat, LiveFrame } from './live-frame.ts';
import type { LiveMirrorTiming } from './live-mirror-timing.ts';
import { Peer } from './live-peer.ts';
import type { Epoch, Shard } from './ownership.ts';

export interface LivePeersOptions {
  readonly copies: LiveCopies;
  readonly link: Pick<Link, 'nodes'>;
  readonly timing: Pick<LiveMirrorTiming, 'silentAfterMs' | 'forgetAfterMs'>;
  /** Something that people may want to know: in words. */
  readonly note: (what: string, facts: Readonly<Record<string, unknown>>) => void;
}

/**
 * The other nodes of the cell: which of them speak, and since when one does not. What a node told is shown as its word for as
 * long as it speaks; views of one that has fallen silent are marked, and those that another owner does not show go in the end.
 */
export class LivePeers {
  readonly #options: LivePeersOptions;
  readonly #peers = new Map<string, Peer>();

  constructor(options: LivePeersOptions) {
    this.#options = options;
  }

  all(): Iterable<Peer> {
    return this.#peers.values();
  }

  get(node: string): Peer | undefined {
    return this.#peers.get(node);
  }

  /** The node of this name, known from now on. */
  of(node: string): Peer {
    let peer = this.#peers.get(node);
    if (peer === undefined) {
      peer = new Peer(node, performance.now());
      this.#peers.set(node, peer);
    }
    return peer;
  }

  /** Some node looks at this group. */
  isWanted(group: Group): boolean {
    for (const { wants } of this.#peers.values()) if (wants === 'all' || wants.has(group)) return true;
    return false;
  }

  /** Names of the nodes whose views are marked. One that said before that it owns nothing any more has left in good order. */
  get silent(): string[] {
    const hasLeft = ({ spoke, shards }: Peer) => spoke && shards.size === 0;
    return [...this.#peers.values()]
      .filter((peer) => peer.awaySinceMs !== undefined && !hasLeft(peer))
      .map(({ node }) => node);
  }

  /** Of whom it has to be known what they show: those that can be reached, or speak. */
  awaited(): Peer[] {
    const { nodes } = this.#options.link;
    for (const node of nodes) this.of(node);
    const reachable = new Set(nodes);
    return [...this.#peers.values()].filter(
      ({ node, spoke, awaySinceMs }) => awaySinceMs === undefined && (spoke || reachable.has(node)),
    );
  }

  /** A frame or a beat of it came. */
  spoken({ node, run }: LiveFrame | LiveBeat): Peer {
    const { copies, note } = this.#options;
    const peer = this.of(node);
    peer.heardMs = performance.now();
    peer.spoke = true;
    if (peer.run !== run) this.beginRun(peer, run);
    if (peer.awaySinceMs !== undefined) {
      peer.awaySinceMs = undefined;
      note('a node speaks again', { peer: node });
      // What a process before this one has told it has to tell again.
      for (const copy of copies.all()) if (copy.node === node && copy.run === run) copies.mark(copy, undefined);
    }
    return peer;
  }

  /** Nobody speaks for what the process before this one told, until somebody tells it again. */
  beginRun(peer: Peer, run: string): void {
    peer.beginRun(run);
    const { copies } = this.#options;
    for (const copy of copies.all())
      if (copy.node === peer.node && copy.run !== run) copies.orphan(copy, performance.now());
  }

  /** It says that it owns these shards no longer. */
  lost(peer: Peer, shards: ReadonlyMap<Shard, Epoch>): void {
    if (shards.size === 0) return;
    const { copies } = this.#options;
    for (const copy of copies.all())
      if (copy.node === peer.node && shards.get(copy.shard) === copy.epoch) copies.orphan(copy, performance.now());
  }

  /**
   * What nobody tells: that a node is silent, and that nobody shows a view any more.
   * @param own shards of this node
   */
  look(own: ReadonlyMap<Shard, Epoch>): void {
    const nowMs = performance.now();
    for (const peer of this.#peers.values()) this.#lookAt(peer, nowMs);
    this.#lookAtCopies(own, nowMs);
  }

  #lookAt(peer: Peer, nowMs: number): void {
    const { copies, note, timing } = this.#options;
    const silentMs = nowMs - peer.heardMs;
    if (peer.awaySinceMs === undefined && silentMs >= timing.silentAfterMs) {
      peer.awaySinceMs = Math.round(Date.now() - silentMs);
      peer.wants = new Set();
      if (peer.spoke) note('a node is silent; its views are marked', { peer: peer.node });
    }
    // Forgotten with the last of its views: names of nodes come and go.
    if (peer.awaySinceMs === undefined || silentMs < timing.forgetAfterMs || peer.reading) return;
    for (const copy of copies.all()) if (copy.node === peer.node) copies.orphan(copy, peer.heardMs);
    this.#peers.delete(peer.node);
  }

  #lookAtCopies(own: ReadonlyMap<Shard, Epoch>, nowMs: number): void {
    const { copies, timing } = this.#options;
    const { silentAfterMs, forgetAfterMs } = timing;
    const owned = new Map<Shard, Epoch>(own);
    for (const { shards, awaySinceMs } of this.#peers.values()) {
      if (awaySinceMs !== undefined) continue;
      for (const [shard, epoch] of shards) if (epoch > (owned.get(shard) ?? 0)) owned.set(shard, epoch);
    }
    const gone: Copy[] = [];
    for (const copy of copies.all()) {
      const peer = copy.node === undefined ? undefined : this.#peers.get(copy.node);
      if (peer?.awaySinceMs === undefined && copy.node !== undefined) continue;
      copy.silentSinceMs ??= peer?.heardMs ?? nowMs;
      const silentMs = nowMs - copy.silentSinceMs;
      if (silentMs >= silentAfterMs) copies.mark(copy, copy.awaySinceMs ?? Math.round(Date.now() - silentMs));
      if (silentMs >= forgetAfterMs && (owned.get(copy.shard) ?? 0) > copy.epoch) gone.push(copy);
    }
    if (gone.length > 0) copies.forget(gone);
  }
}

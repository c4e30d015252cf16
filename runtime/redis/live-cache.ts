import { Packr, Unpackr } from 'msgpackr';
import { z } from 'zod';
import { ErrorWithCode } from '../errors.ts';
import type { Group, LiveCell } from '../live-bus.ts';
import type { LiveCache, NodeViews, OwnViews } from '../live-cache.ts';
import { isEntityId, isView } from '../live-frame.ts';
import type { RedisLink, RedisState } from './connection.ts';

/** What nobody renews is gone after so long: the node has died, or nothing of the group is there any more. */
const EXPIRY_MS = 60_000;
const RENEW_INTERVAL_MS = 15_000;
const WRITE_INTERVAL_MS = 250;
/** Writing may take at most this share of this node's time. */
const WRITE_SHARE = 0.1;
/** Views that are on their way to Redis at once. */
const WRITE_BATCH = 500;
const READ_BATCH = 500;
const REST_MS = 5000;
const BATCH_TIMEOUT_MS = 3000;

/** Field of a hash that says how new the others are. Ids have a slash in them. */
const MARK = 'mark';

/**
 * Asked and done in one: a node that writes its first views right between would stay off the list until it renews.
 * KEYS: groups of the node, list of nodes. ARGV: the node.
 */
const STRIKE_OFF = `if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], ARGV[1]) end`;

/**
 * Redis lets go of hashes when it is short of memory, and of those of a node that slept. What is written next makes a new one
 * with little in it, which must not pass for all there is: a mark takes the place of a mark. 0 where there was none.
 * KEYS: the hash. ARGV: the field of the mark, the mark, expiry in ms.
 */
const SET_MARK = `
  if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  return redis.call('PEXPIRE', KEYS[1], ARGV[3])`;

const options = { useRecords: true, mapsAsObjects: true };
const packr = new Packr(options);
const unpackr = new Unpackr(options);

/** Run, number of the last frame that is included, and which writing of the whole group it was. */
const Mark = z.tuple([z.string(), z.int().min(0), z.int().min(0)]);
type Mark = z.infer<typeof Mark>;
/** The views behind it are not all there yet. */
const NO_MARK = packr.encode(null);

interface Waiting {
  /** Cells that changed; the newest view is taken when it is written. */
  readonly changed: Set<LiveCell>;
  /** Everything that is there of before has to go first. */
  anew: boolean;
}

export interface RedisLiveCacheOptions {
  readonly link: RedisLink;
  readonly cell: string;
  readonly node: string;
  /** For tests. */
  readonly timing?: {
    readonly expiryMs?: number;
    readonly renewIntervalMs?: number;
    readonly writeIntervalMs?: number;
  };
}

/**
 * Live views in Redis: a hash for each group and node, which that node alone writes, so that no owner can overwrite another's;
 * whose view counts says the epoch in it. A mark in each hash, written after the views, says which frames they include. What is
 * not written in time is superseded: a cell waits once, however often it changes, and while Redis is away nothing waits at all,
 * since everything is written anew afterwards.
 */
export class RedisLiveCache implements LiveCache {
  readonly #link: RedisLink;
  readonly #prefix: string;
  readonly #node: string;
  readonly #expiryMs: number;
  readonly #renewIntervalMs: number;
  readonly #writeIntervalMs: number;
  readonly #waiting = new Map<Group, Waiting>();
  /** Groups that Redis has, each with the number of its writing from the beginning. */
  readonly #written = new Map<Group, number>();
  #writings = 0;
  /** Redis has taken something of this run. */
  #begun = false;
  #own: OwnViews | undefined;
  #timer: NodeJS.Timeout | undefined;
  #renewing: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #nextMs = 0;
  #failure: string | undefined;
  /** It did not answer in time: until then nobody is made to wait for it. */
  #restUntilMs = 0;
  #closed = false;

  constructor({ link, cell, node, timing }: RedisLiveCacheOptions) {
    this.#link = link;
    this.#node = node;
    this.#prefix = `signalbox:${cell}:live`;
    this.#expiryMs = timing?.expiryMs ?? EXPIRY_MS;
    this.#renewIntervalMs = timing?.renewIntervalMs ?? RENEW_INTERVAL_MS;
    this.#writeIntervalMs = timing?.writeIntervalMs ?? WRITE_INTERVAL_MS;
    link.onReady(() => this.#all());
  }

  get usable(): boolean {
    return this.#link.state.connected && performance.now() >= this.#restUntilMs;
  }

  get state(): RedisState {
    const { connected, detail } = this.#link.state;
    if (connected && !this.usable) return { connected: false, detail: `${detail} did not answer in time` };
    if (!connected || this.#failure === undefined) return { connected, detail };
    return { connected: false, detail: `${detail} does not take live views: ${this.#failure}` };
  }

  keep(own: OwnViews): void {
    this.#own = own;
    this.#renewing = setInterval(() => void this.#renew().catch(() => undefined), this.#renewIntervalMs);
    this.#all();
  }

  changed(group: Group, cells: Iterable<LiveCell>): void {
    // Later everything is written anew.
    if (this.#own === undefined || !this.#link.state.connected || this.#closed) return;
    const { changed } = this.#waitingOf(group);
    for (const cell of cells) changed.add(cell);
    this.#schedule();
  }

  async read(groups: readonly Group[] | 'all'): Promise<readonly NodeViews[]> {
    if (!this.usable) throw new ErrorWithCode('REDIS_UNREACHABLE', this.state.detail);
    try {
      const nodes = await this.#link.client.smembers(this.#nodesKey());
      const found = await Promise.all(nodes.map((node) => this.#readNode(node, groups)));
      return found.filter((views) => views !== undefined);
    } catch (error) {
      this.#rest();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#renewing);
    this.#waiting.clear();
    await this.#writing;
    this.#link.close();
  }

  /** Redis may be another one, or have forgotten: nothing of before counts. */
  #all(): void {
    if (this.#own === undefined || this.#closed || !this.#link.state.connected) return;
    this.#restUntilMs = 0;
    for (const group of new Set([...this.#own.groups(), ...this.#written.keys()])) this.#waitingOf(group).anew = true;
    this.#schedule();
  }

  #rest(): void {
    if (this.#link.state.connected) this.#restUntilMs = performance.now() + REST_MS;
  }

  #waitingOf(group: Group): Waiting {
    let waiting = this.#waiting.get(group);
    if (waiting === undefined) {
      // The first time of this run: there may be views of the one before.
      waiting = { changed: new Set(), anew: !this.#written.has(group) };
      this.#waiting.set(group, waiting);
    }
    return waiting;
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#writing !== undefined || this.#waiting.size === 0 || this.#closed) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#writing = this.#write().finally(() => {
          this.#writing = undefined;
          this.#schedule();
        });
      },
      Math.max(0, this.#nextMs - performance.now()),
    );
  }

  async #write(): Promise<void> {
    const startedMs = performance.now();
    let busyMs = 0;
    try {
      while (this.#waiting.size > 0 && this.usable && !this.#closed) {
        const fromMs = performance.now();
        const sent = this.#sendBatch();
        busyMs += performance.now() - fromMs;
        await sent;
      }
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
      this.#rest();
      // What of it arrived nobody knows.
      this.#waiting.clear();
      for (const group of this.#own?.groups() ?? []) this.#waitingOf(group).anew = true;
    }
    this.#nextMs = Math.max(this.#restUntilMs, startedMs + Math.max(this.#writeIntervalMs, busyMs / WRITE_SHARE));
  }

  /** As many views as a batch may have; a mark goes with the last ones of its group. */
  async #sendBatch(): Promise<void> {
    const own = this.#own;
    const pipeline = this.#link.client.pipeline();
    const marks: { readonly group: Group; readonly index: number }[] = [];
    // Names of groups that only the run before this one had: nobody would ever write them again.
    if (!this.#begun) pipeline.del(this.#groupsKey(this.#node));
    let room = WRITE_BATCH;
    for (const [group, waiting] of this.#waiting) {
      if (room <= 0) break;
      const key = this.#key(group);
      if (own === undefined) break;
      if (waiting.anew) {
        waiting.anew = false;
        this.#written.set(group, ++this.#writings);
        pipeline.del(key);
        pipeline.hset(key, MARK, NO_MARK);
        waiting.changed.clear();
        for (const cell of own.cells(group)) waiting.changed.add(cell);
      }
      for (const cell of waiting.changed) {
        if (room-- <= 0) break;
        waiting.changed.delete(cell);
        const owned = own.view(cell);
        if (owned === undefined) pipeline.hdel(key, cell.id);
        else pipeline.hset(key, cell.id, packr.encode([owned.epoch, owned.revision, owned.view]));
      }
      if (waiting.changed.size > 0) {
        pipeline.pexpire(key, this.#expiryMs);
        break;
      }
      this.#waiting.delete(group);
      const mark: Mark = [own.run, own.numberOf(group), this.#written.get(group) ?? 0];
      marks.push({ group, index: pipeline.length });
      pipeline.eval(SET_MARK, 1, key, MARK, packr.encode(mark), this.#expiryMs);
      pipeline.sadd(this.#groupsKey(this.#node), group);
    }
    pipeline.pexpire(this.#groupsKey(this.#node), this.#expiryMs);
    pipeline.sadd(this.#nodesKey(), this.#node);
    const results = await done(pipeline.exec());
    this.#begun = true;
    for (const { group, index } of marks) if (results[index] === 0) this.#waitingOf(group).anew = true;
  }

  async #renew(): Promise<void> {
    if (!this.usable || this.#written.size === 0) return;
    const pipeline = this.#link.client.pipeline();
    const groups = [...this.#written.keys()];
    for (const group of groups) pipeline.pexpire(this.#key(group), this.#expiryMs);
    // Lists too may have been let go of.
    pipeline.sadd(this.#groupsKey(this.#node), ...groups);
    pipeline.pexpire(this.#groupsKey(this.#node), this.#expiryMs);
    pipeline.sadd(this.#nodesKey(), this.#node);
    const results = await done(pipeline.exec());
    if (this.#closed) return;
    for (const [index, group] of groups.entries()) if (results[index] === 0) this.#waitingOf(group).anew = true;
    this.#schedule();
  }

  async #readNode(node: string, groups: readonly Group[] | 'all'): Promise<NodeViews | undefined> {
    const { client } = this.#link;
    const has = new Set(await client.smembers(this.#groupsKey(node)));
    if (has.size === 0) {
      // Nobody renews it.
      await client.eval(STRIKE_OFF, 2, this.#groupsKey(node), this.#nodesKey(), node);
      return undefined;
    }
    const numbers = new Map<Group, number>();
    const views: NodeViews['views'][number][] = [];
    let run: string | undefined;
    for (const group of groups === 'all' ? has : groups.filter((one) => has.has(one))) {
      const key = this.#key(group, node);
      // Before the views: they may be newer than it says, and never older.
      const mark = markIn(await client.hgetBuffer(key, MARK));
      // To leave it out would say that it has nothing in this group: whoever reads asks the node itself for all of it.
      if (mark === undefined) return undefined;
      const found = await this.#readHash(key, group);
      // Written from the beginning meanwhile, or let go of: what was not found may be there.
      const after = markIn(await client.hgetBuffer(key, MARK));
      if (after?.run !== mark.run || after.writing !== mark.writing) return undefined;
      run ??= mark.run;
      if (mark.run !== run) return undefined;
      numbers.set(group, mark.number);
      views.push(...found);
    }
    return run === undefined ? undefined : { node, run, numbers, views };
  }

  async #readHash(key: string, group: Group): Promise<Iterable<NodeViews['views'][number]>> {
    // What is written meanwhile may come twice.
    const found = new Map<string, NodeViews['views'][number]>();
    let cursor = '0';
    do {
      const [next, flat] = await this.#link.client.hscanBuffer(key, cursor, 'COUNT', READ_BATCH);
      for (let index = 0; index + 1 < flat.length; index += 2) {
        const id = String(flat[index]);
        const packed = flat[index + 1];
        if (packed === undefined || !isEntityId(id)) continue;
        const raw: unknown = unpackr.decode(packed);
        if (!Array.isArray(raw)) continue;
        const [epoch, revision, view]: unknown[] = raw;
        if (typeof epoch !== 'number' || typeof revision !== 'number' || !isView(view)) continue;
        found.set(id, { group, id, epoch, revision, view });
      }
      cursor = String(next);
    } while (cursor !== '0');
    return found.values();
  }

  #nodesKey(): string {
    return `${this.#prefix}:nodes`;
  }

  #groupsKey(node: string): string {
    return `${this.#prefix}:${node}:groups`;
  }

  #key(group: Group, node = this.#node): string {
    return `${this.#prefix}:${node}:group:${group}`;
  }
}

function markIn(packed: Buffer | null) {
  if (packed === null) return undefined;
  const mark = Mark.safeParse(unpackr.decode(packed));
  return mark.success ? { run: mark.data[0], number: mark.data[1], writing: mark.data[2] } : undefined;
}

/**
 * What the commands of a pipeline gave. Rejects with the first failure, since each of them has an outcome of its own, and where
 * none comes.
 */
async function done(answers: Promise<[error: Error | null, result: unknown][] | null>): Promise<unknown[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `no answer to a batch within ${BATCH_TIMEOUT_MS} ms`;
    timer = setTimeout(() => reject(new ErrorWithCode('REDIS_TIMEOUT', message)), BATCH_TIMEOUT_MS);
  });
  try {
    return ((await Promise.race([answers, late])) ?? []).map(([error, result]) => {
      if (error !== null) throw error;
      return result;
    });
  } finally {
    clearTimeout(timer);
  }
}

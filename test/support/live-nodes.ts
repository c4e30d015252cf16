import type { View } from '../../runtime/actor-kind.ts';
import { ErrorWithCode } from '../../runtime/errors.ts';
import { type EntityId, entityId, nameOf } from '../../runtime/ids.ts';
import type { Link } from '../../runtime/link.ts';
import { COMMON_GROUP } from '../../runtime/live-bus.ts';
import type { LiveCache } from '../../runtime/live-cache.ts';
import { LiveCells } from '../../runtime/live-cells.ts';
import type { LiveLane } from '../../runtime/live-lane.ts';
import { LiveMirror } from '../../runtime/live-mirror.ts';
import type { LiveMirrorTiming } from '../../runtime/live-mirror-timing.ts';
import { type Epoch, type Shard, shardOf } from '../../runtime/ownership.ts';
import type { Population } from '../../runtime/population.ts';

/** Everything fast, so that a test waits for silence as short as it can. */
export const QUICK: LiveMirrorTiming = {
  publishIntervalMs: 2,
  beatIntervalMs: 40,
  silentAfterMs: 400,
  forgetAfterMs: 1200,
  lingerMs: 100,
  readyTimeoutMs: 1500,
};

/** Entities `thing/<group>.<name>`: the group is in the name. */
export function thing(group: string, name: string | number): EntityId {
  return entityId('thing', `${group}.${name}`);
}

export const groupOf = (id: EntityId): string =>
  nameOf(id).includes('.') ? nameOf(id).slice(0, nameOf(id).lastIndexOf('.')) : COMMON_GROUP;

/** Answers between nodes of one process, as JSON, as a link does that is a network. */
export class MemoryLinks {
  readonly #serving = new Map<string, Map<string, (body: unknown, from: string) => unknown>>();
  /** Nodes that nothing reaches, and nodes that never answer. */
  readonly cut = new Set<string>();
  readonly mute = new Set<string>();
  requests = 0;

  link(node: string): Pick<Link, 'request' | 'serve' | 'nodes'> {
    const serving = new Map<string, (body: unknown, from: string) => unknown>();
    this.#serving.set(node, serving);
    const others = () => [...this.#serving.keys()].filter((other) => other !== node && !this.cut.has(other));
    return {
      get nodes() {
        return others();
      },
      serve: (what, answer) => void serving.set(what, answer),
      request: async (to, what, body, timeoutMs) => {
        this.requests++;
        await new Promise((resolve) => setImmediate(resolve));
        if (this.mute.has(to)) return new Promise(() => void timeoutMs);
        const answer = this.#serving.get(to)?.get(what);
        if (this.cut.has(to) || this.cut.has(node) || answer === undefined)
          throw new ErrorWithCode('NODE_UNREACHABLE', `${to} is not there`);
        const said = JSON.stringify(await answer(JSON.parse(JSON.stringify(body)), node));
        await new Promise((resolve) => setImmediate(resolve));
        return JSON.parse(said);
      },
    };
  }

  remove(node: string): void {
    this.#serving.delete(node);
  }
}

/** What an entity of a node shows now. */
interface Entity {
  view: View;
}

/** One node as far as its live views go: what it owns and shows a test says. */
export class LiveNode {
  readonly name: string;
  readonly live: LiveCells;
  readonly mirror: LiveMirror;
  readonly shards = new Map<Shard, Epoch>();
  /** Of these not every entity is up yet. */
  readonly recovering = new Set<Shard>();
  readonly notes: string[] = [];
  readonly #entities = new Map<EntityId, Entity>();
  /** Of shards that are lost: they end a while later, and may have something to show until then. */
  readonly #ending = new Map<EntityId, Entity>();

  constructor(options: {
    name: string;
    lane: LiveLane;
    link: Pick<Link, 'request' | 'serve' | 'nodes'>;
    cache?: LiveCache;
    population?: Partial<Population>;
    timing?: Partial<LiveMirrorTiming>;
    flushIntervalMs?: number;
  }) {
    const { name, lane, link, cache, population, timing, flushIntervalMs = 1 } = options;
    this.name = name;
    this.live = new LiveCells({
      flushIntervalMs,
      failed: (id, error) => {
        throw new Error(`view of ${id}`, { cause: error });
      },
    });
    this.mirror = new LiveMirror({
      node: name,
      live: this.live,
      lane,
      link,
      ...(cache !== undefined && { cache }),
      population: { residents: [], watchersOf: () => [], groupOf, ...population },
      epochOf: (shard) => this.shards.get(shard),
      recovering: () => [...this.recovering],
      note: (what) => this.notes.push(what),
      timing: { ...QUICK, ...timing },
    });
    this.mirror.start();
  }

  /** It owns the shards of these from now on. */
  own(epoch: Epoch, ...ids: readonly EntityId[]): this {
    for (const id of ids) this.shards.set(shardOf(id), epoch);
    return this;
  }

  lose(...ids: readonly EntityId[]): void {
    for (const id of ids) {
      this.shards.delete(shardOf(id));
      const entity = this.#entities.get(id);
      if (entity === undefined) continue;
      this.#entities.delete(id);
      this.#ending.set(id, entity);
    }
  }

  /** Its own entity shows this; groups that are left out stay as they are. */
  set(id: EntityId, groups: View): void {
    this.replace(id, { ...this.#entities.get(id)?.view, ...groups });
  }

  replace(id: EntityId, view: View): void {
    const entity = this.#entities.get(id) ?? { view };
    this.#entities.set(id, entity);
    entity.view = view;
    this.live.touch(id, () => entity.view);
  }

  /** An entity of a shard that is lost takes one more turn before it ends. */
  showLate(id: EntityId): void {
    const entity = this.#ending.get(id);
    if (entity !== undefined) this.live.touch(id, () => entity.view);
  }

  retire(id: EntityId): void {
    this.#entities.delete(id);
    this.live.remove(id);
  }

  view(id: EntityId): View | undefined {
    return this.live.cell(id)?.view;
  }

  close(): void {
    this.mirror.close();
    this.live.close();
  }
}

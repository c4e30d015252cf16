import type { ClusterRows } from '../cluster-rows.ts';
import { messageOf } from '../errors.ts';
import type { EntityId } from '../ids.ts';
import type { Link } from '../link.ts';
import { type Epoch, SHARD_COUNT, type Shard } from '../ownership.ts';
import { RareNotes } from '../rare-notes.ts';
import type { AskOptions, Health, Readiness, Reply, Restarted } from '../runtime.ts';
import { SharedRead } from '../shared-read.ts';
import {
  JOURNAL_AT,
  JournalNews,
  RESTART,
  RestartOrder,
  RestartOutcome,
  SHARD_FREE,
  SHARD_OPENED,
  ShardNews,
} from './announcement.ts';
import { Membership, type ShardHost } from './membership.ts';
import { type NotVerified, whyNotVerified } from './not-verified.ts';
import { RoutedRequestSchema } from './request.ts';
import { RequestDesk } from './request-desk.ts';
import { ASK, Routes } from './routes.ts';
import { SamePlant } from './same-plant.ts';
import { TIMING, type Timing } from './timing.ts';

export interface CellOptions {
  readonly node: string;
  readonly link: Link;
  readonly rows: ClusterRows;
  readonly timing?: Timing;
  /** Tells one file of a plant from another; without it nobody looks whether all nodes have the same. */
  readonly plant?: string;
  /** What of this node holds the entities of its shards. */
  readonly host: ShardHost;
  /** Of the shards that are open here, those with entities that are still being built. */
  readonly rising: () => ReadonlySet<Shard>;
  readonly shardOf: (id: EntityId) => Shard;
  /** Works off a command to an entity of this node. */
  readonly ask: (to: EntityId, command: unknown, options: AskOptions) => Promise<Reply>;
  readonly restart: (id: EntityId) => Promise<Restarted>;
  /** Another node has committed up to a position of the journal. */
  readonly committed: (position: number) => void;
  readonly log: {
    info(fields: object, text: string): void;
    warn(fields: object, text: string): void;
    error(fields: object, text: string): void;
  };
  /** A defect of ours: the process has to end, at once. */
  readonly broken: (error: unknown) => void;
}

const LOOK_MS = 25;
const PATIENCE_MS = 1000;
const RESTART_WITHIN_MS = 10_000;
const NEWS_EVERY_MS = 5;

/** This node among the nodes of its cell: what it owns, and the way of commands to whoever owns the rest. */
export class Cell {
  readonly membership: Membership;
  readonly #options: CellOptions;
  readonly #desk: RequestDesk;
  readonly #routes: Routes;
  readonly #notes = new RareNotes();
  readonly #samePlant: SamePlant | undefined;
  /** Why the lease is not verified, and since when. */
  #notVerified: NotVerified | undefined = { reason: 'joining', sinceMs: 0 };

  #committedTo: number | undefined;
  #announcing: NodeJS.Timeout | undefined;

  constructor(options: CellOptions) {
    this.#options = options;
    const { node, link, rows, host, shardOf, ask, log, broken, timing = TIMING } = options;
    this.membership = new Membership({
      node,
      mayHold: true,
      successor: false,
      rows,
      host,
      timing,
      hint: (to, shard, epoch) => link.tell(to, SHARD_FREE, { shard, node: to, epoch } satisfies ShardNews),
      changed: (lease, reason) => {
        const sinceMs = this.#notVerified?.sinceMs ?? performance.now();
        this.#notVerified = lease === 'held' ? undefined : { reason, sinceMs };
        log[lease === 'held' ? 'info' : 'warn']({ lease, reason }, 'the lease of this node changed');
      },
      broken,
      failed: (what, reason) => this.#failed(what, reason),
    });
    this.#desk = new RequestDesk({
      timing,
      epochOf: (shard) => this.membership.authority(shard)?.epoch,
      ownerOf: (shard) => this.membership.ownerOf(shard),
      whyNot: (shard, epoch) => this.#whyNot(shard, epoch),
      ask,
    });
    const { plant } = options;
    this.#samePlant = plant === undefined ? undefined : new SamePlant({ link, plant });
    const looks = new SharedRead(() => rows.view());
    this.#routes = new Routes({
      node,
      link,
      timing,
      shardCount: SHARD_COUNT,
      shardOf,
      local: (request) => this.#desk.take(request),
      // While many shards are on their way, many ask.
      lookUp: async (shard) => {
        const row = (await looks.read()).shards[shard];
        return row?.owner == null ? undefined : { node: row.owner.node, epoch: row.epoch };
      },
    });
    link.serve(RESTART, (body) => options.restart(RestartOrder.parse(body).id));
    link.serve(JOURNAL_AT, (body) => options.committed(JournalNews.parse(body).position));
    link.serve(ASK, (body) => this.#desk.take(RoutedRequestSchema.parse(body)));
    link.serve(SHARD_OPENED, (body) => {
      const { shard, ...owner } = ShardNews.parse(body);
      this.#routes.learn(shard, owner);
    });
    link.serve(SHARD_FREE, (body) => {
      const { shard, epoch } = ShardNews.parse(body);
      this.membership.hinted(shard, epoch);
    });
  }

  /** Tried again several times a second, and for 64 shards: one line of a kind a minute says as much. */
  #failed(what: string, reason: string): void {
    const leftOut = this.#notes.admit(`${what.replace(/\d+$/, '')}: ${reason}`);
    if (leftOut === undefined) return;
    const fields = leftOut === 0 ? { what, reason } : { what, reason, leftOut };
    this.#options.log.warn(fields, 'the rows of the cell could not be used; tried again');
  }

  start(): void {
    this.membership.start();
  }

  /** Resolves when every shard has an owner that is alive, and those of this node are open. */
  async settled(givenUp: AbortSignal): Promise<void> {
    while (!this.#isSettled() && !givenUp.aborted) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }

  /** To whichever node owns the entity. Never rejects. */
  ask(to: EntityId, command: unknown, options: AskOptions): Promise<Reply> {
    return this.#routes.ask(to, command, options);
  }

  /** Of an entity of another node; undefined where nobody is known to own it. */
  async restart(id: EntityId): Promise<Restarted | undefined> {
    const owner = this.membership.ownerOf(this.#options.shardOf(id));
    if (owner === undefined || owner.node === this.#options.node) return undefined;
    try {
      return RestartOutcome.parse(await this.#options.link.request(owner.node, RESTART, { id }, RESTART_WITHIN_MS));
    } catch (error) {
      return { ok: false, code: 'UNAVAILABLE', message: `${owner.node} owns it: ${messageOf(error)}` };
    }
  }

  /** The journal has rows of this node up to a position: the others need not wait for their next look. */
  committed(position: number): void {
    this.#committedTo = Math.max(this.#committedTo ?? 0, position);
    this.#announcing ??= setTimeout(() => {
      this.#announcing = undefined;
      this.#options.link.announce(JOURNAL_AT, { position: this.#committedTo });
    }, NEWS_EVERY_MS);
  }

  /** A shard is open here: whoever has something for it learns so. */
  opened(shard: Shard, epoch: Epoch): void {
    const { node, link } = this.#options;
    this.#desk.forget(shard);
    this.#routes.learn(shard, { node, epoch });
    link.announce(SHARD_OPENED, { shard, node, epoch } satisfies ShardNews);
  }

  /** What still comes for the shard is sent to its next owner. */
  closing(shard: Shard): void {
    this.#desk.move(shard);
  }

  closed(shard: Shard): void {
    this.#desk.forget(shard);
  }

  /** Hands everything over and says goodbye. */
  async leave(): Promise<void> {
    await this.membership.leave();
    this.#close();
  }

  /** Ends as a crash would: the others wait until the lease has run out. */
  end(): void {
    this.membership.end();
    this.#close();
  }

  #close(): void {
    clearTimeout(this.#announcing);
    this.#samePlant?.close();
    this.#routes.close();
  }

  health(): Health['parts'][number] {
    const { link, node } = this.#options;
    const open = this.membership.open.length;
    const others = link.nodes.length;
    const rising = this.recovering.length;
    const risingText = rising === 0 ? '' : `, ${rising} of them are being recovered`;
    const owned = open + this.membership.recovering.length;
    const detail = `${node} has ${owned} of ${SHARD_COUNT} shards${risingText}; ${others === 0 ? 'no other node' : others === 1 ? '1 other node' : `${others} other nodes`} in reach`;
    if (this.#notVerified !== undefined)
      return {
        name: 'cell',
        status: 'unhealthy',
        detail: `commands are refused here: ${whyNotVerified(this.#notVerified, performance.now())}; ${detail}`,
      };
    if (!link.state.connected)
      return { name: 'cell', status: 'degraded', detail: `no link to other nodes: ${link.state.detail}; ${detail}` };
    const different = this.#samePlant?.others ?? [];
    if (different.length > 0) {
      const runs = `${different.join(', ')} ${different.length === 1 ? 'runs' : 'run'}`;
      return { name: 'cell', status: 'degraded', detail: `${runs} another topology file than this node; ${detail}` };
    }
    return { name: 'cell', status: 'healthy', detail };
  }

  /** Nobody answers for the entities of the shard now: it has no owner, moves, or is being recovered. */
  isUnserved(shard: Shard): boolean {
    const { view, open } = this.membership;
    if (this.membership.heldUnder(shard) !== undefined)
      return !open.includes(shard) || this.#options.rising().has(shard);
    const row = view?.shards[shard];
    return row === undefined || !row.ownerLive || row.state !== 'open';
  }

  /**
   * What it owns has to be open here. A node that owns nothing, since the others hold everything, serves people all the same, as
   * long as it knows to whom their commands go.
   */
  readiness(): Readiness {
    const { view, open } = this.membership;
    if (this.#notVerified !== undefined)
      return notReady(`commands are refused here: ${whyNotVerified(this.#notVerified, performance.now())}`);
    if (view === undefined) return notReady('it is not known yet who owns what');
    const rising = this.recovering.length;
    if (rising > 0) return notReady(`${rising} of its shards are being recovered`);
    if (open.length < SHARD_COUNT && !this.#options.link.state.connected)
      return notReady(`the other nodes cannot be reached: ${this.#options.link.state.detail}`);
    const orphans = view.shards.filter(({ owner, ownerLive }) => owner === null || !ownerLive).length;
    if (open.length === 0 && (view.shards.length < SHARD_COUNT || orphans > 0))
      return notReady('it owns no shard, and not all of them have an owner');
    return { ready: true };
  }

  /** Shards of this node with entities that do not live yet, also those that take messages for them already. */
  get recovering(): readonly Shard[] {
    return [...this.membership.recovering, ...this.#options.rising()];
  }

  /** A moment without a verified lease is waited for; an outage of the database is said. */
  #whyNot(shard: Shard, epoch: Epoch): string | undefined {
    if (this.#notVerified === undefined || this.membership.heldUnder(shard) !== epoch) return undefined;
    const nowMs = performance.now();
    if (nowMs - this.#notVerified.sinceMs < PATIENCE_MS) return undefined;
    return `nothing can be recorded now: ${whyNotVerified(this.#notVerified, nowMs)}; repeat with the same command id`;
  }

  #isSettled(): boolean {
    const { view, lease, life, open } = this.membership;
    if (view === undefined || lease !== 'held' || view.shards.length < SHARD_COUNT || this.recovering.length > 0)
      return false;
    const here = new Set(open);
    return view.shards.every(
      ({ shard, owner, ownerLive }) =>
        here.has(shard) || (owner !== null && ownerLive && owner.incarnation !== life.incarnation),
    );
  }
}

function notReady(reason: string): Readiness {
  return { ready: false, reason };
}

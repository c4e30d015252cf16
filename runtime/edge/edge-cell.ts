import type { View } from '../actor-kind.ts';
import type { EntityId } from '../ids.ts';
import type { Json } from '../json.ts';
import type { AskOptions, Health, Reply } from '../runtime.ts';
import type { CellLink } from './cell-link.ts';
import { CommandDesk } from './command-desk.ts';
import type { CommandStore, KeptCommand } from './command-store.ts';
import { type EdgeReport, edgeReport } from './edge-report.ts';
import { type Behind, behindIn, behindInWords, seconds } from './uplink-words.ts';
import { type MirrorImage, ViewMirror } from './view-mirror.ts';

export interface EdgeCellOptions {
  readonly cell: string;
  readonly link: Pick<CellLink, 'request'>;
  readonly ttlMs: (to: EntityId, command: unknown) => number;
  readonly store: CommandStore;
  /** What the centre shows of an entity of the cell has changed; undefined: it is gone. */
  readonly show: (id: EntityId, view: (() => View) | undefined) => void;
  readonly lost: () => void;
  /** What is shown of entities that the plant has there and of which nothing was ever heard. */
  readonly unheard?: ReadonlyMap<EntityId, () => View>;
  readonly now?: () => number;
}

const PAGE_WITHIN_MS = 10_000;
const NOTHING: View = {};

/** A cell elsewhere as the centre has it: a mirror of what it shows, and the desk for commands to it. */
export class EdgeCell {
  readonly cell: string;
  readonly #options: EdgeCellOptions;
  readonly #mirror: ViewMirror;
  readonly #desk: CommandDesk;
  readonly #unheard: Map<EntityId, () => View>;
  readonly #sinceMs: number;
  #pending = new Map<EntityId, Record<string, Json>>();

  constructor(options: EdgeCellOptions) {
    const { cell, link, ttlMs, store, unheard, now = Date.now } = options;
    this.cell = cell;
    this.#unheard = new Map(unheard);
    this.#sinceMs = now();
    this.#options = options;
    this.#mirror = new ViewMirror({
      now,
      page: (after) => link.request(cell, 'page', { after }, PAGE_WITHIN_MS),
      changed: (id, view) => {
        this.#unheard.delete(id);
        this.#show(id, view !== undefined);
      },
      linkChanged: () => this.#linkChanged(),
    });
    this.#desk = new CommandDesk({ cell, link, ttlMs, store, now, changed: (ids) => this.#pendingChanged(ids) });
  }

  get linked(): boolean {
    return this.#mirror.state.linked;
  }

  /** Nobody can say what it has beside what the plant names: not all of it has ever been heard. */
  get isUnheard(): boolean {
    return !this.#mirror.state.whole;
  }

  /** Time since the last word of it, in seconds; NaN: there was none. */
  get silentSeconds(): number {
    const { heardMs } = this.#mirror.state;
    return heardMs === null ? Number.NaN : Math.max(0, this.#now() - heardMs) / 1000;
  }

  /** What the centre lacks of it, as the cell said last; while it is not heard it lacks what came since, too. */
  get behind(): Behind {
    const { linked, heardMs, status } = this.#mirror.state;
    const behind = behindIn(status);
    if (linked || heardMs === null) return behind;
    const sinceMs = Math.max(0, this.#now() - heardMs);
    const { telemetryLagMs, journalLagMs } = behind;
    return {
      ...behind,
      telemetryLagMs: telemetryLagMs === null ? null : telemetryLagMs + sinceMs,
      journalLagMs: journalLagMs === null ? null : journalLagMs + sinceMs,
    };
  }

  /** How long its newest views were on their way, in ms, by both clocks and what is known of their difference. */
  get liveLagMs(): number | null {
    const { linked, heardMs, toldMs, status } = this.#mirror.state;
    const offsetMs = status.clockOffsetMs;
    if (!linked || heardMs === null || toldMs === null || typeof offsetMs !== 'number') return null;
    return Math.max(0, heardMs - (toldMs + offsetMs));
  }

  /** Commands that wait for the link or for their answer. */
  get waiting(): number {
    return this.#desk.size;
  }

  ask(to: EntityId, command: unknown, options: AskOptions): Promise<Reply> {
    return this.#desk.ask(to, command, options);
  }

  /** As `ask`, from an actor here: it waits for the link. */
  tell(to: EntityId, command: unknown, options: AskOptions): Promise<Reply> {
    return this.#desk.tell(to, command, options);
  }

  /** Those of the commands that are kept in the database that are for this cell, as they were read just now. */
  look(waiting: readonly KeptCommand[]): Promise<void> {
    return this.#desk.look(waiting);
  }

  take(message: unknown): void {
    this.#mirror.take(message);
  }

  tick(): void {
    this.#mirror.tick();
    this.#desk.tick();
  }

  image(): MirrorImage | undefined {
    return this.#mirror.image();
  }

  restore(image: MirrorImage): void {
    this.#mirror.restore(image);
  }

  /** Shows what the plant has there and nobody has told of, as such. To be called when it is restored. */
  showUnheard(): void {
    for (const id of this.#unheard.keys()) this.#show(id, true);
  }

  view(id: EntityId): View | undefined {
    return this.#mirror.view(id);
  }

  health(): Health['parts'][number] {
    const { linked, heardMs, status, problem } = this.#mirror.state;
    const name = `cell ${this.cell}`;
    const waiting = this.#desk.size === 0 ? '' : `; ${this.#desk.size} commands wait for it`;
    if (!linked) {
      const since = heardMs === null ? 'nothing was ever heard of it' : `no sign of it since ${isoOf(heardMs)}`;
      return { name, status: 'degraded', detail: `link lost: ${since}${waiting}` };
    }
    const trouble = problem ?? (typeof status.problem === 'string' ? status.problem : undefined);
    if (trouble !== undefined) return { name, status: 'degraded', detail: `${trouble}${waiting}` };
    // Times of the cell are by its own clock.
    const lag = behindInWords(this.behind, this.#mirror.state.toldMs ?? this.#now());
    const live = this.liveLagMs;
    const offset = status.clockOffsetMs;
    const clock = typeof offset === 'number' ? `, its clock is ${-offset} ms from ours` : '';
    const late = status.telemetry === 'catching_up' || status.journal === 'catching_up';
    return {
      name,
      status: late ? 'degraded' : 'healthy',
      detail: `${late ? `catching up, live values ${seconds(live)} behind: ` : ''}${lag}${clock}${waiting}`,
    };
  }

  /** All of it at once, for whoever looks after it. */
  report(): EdgeReport {
    const { linked, linkedMs, heardMs, status, problem = null } = this.#mirror.state;
    const commands = [...this.#desk.views()]
      .flatMap(([to, views]) => views.map((view) => ({ ...view, to })))
      .sort((a, b) => a.sinceMs - b.sinceMs);
    const sinceMs = linked ? linkedMs : heardMs;
    const told = { cell: this.cell, linked, sinceMs, heardMs, liveLagMs: this.liveLagMs, problem, commands };
    return edgeReport(told, status, this.behind);
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #linkChanged(): void {
    for (const id of this.#mirror.ids()) this.#show(id, true);
    this.#desk.link(this.linked);
    if (!this.linked) this.#options.lost();
  }

  #pendingChanged(ids: Iterable<EntityId>): void {
    this.#pending = new Map();
    for (const [id, views] of this.#desk.views())
      this.#pending.set(id, Object.fromEntries(views.map((view) => [view.commandId, view])));
    for (const id of ids) if (this.#mirror.view(id) ?? this.#unheard.get(id)) this.#show(id, true);
  }

  #show(id: EntityId, present: boolean): void {
    this.#options.show(id, present ? () => this.#shown(id) : undefined);
  }

  /** What is from before the link was lost says so, and since when; what waits for the cell is beside it. */
  #shown(id: EntityId): View {
    const unheard = this.#unheard.get(id);
    const view = unheard?.() ?? this.#mirror.view(id) ?? NOTHING;
    const { linked, heardMs } = this.#mirror.state;
    const pending = this.#pending.get(id);
    if (linked && unheard === undefined && pending === undefined) return view;
    const sinceMs = heardMs ?? this.#sinceMs;
    return {
      ...view,
      ...(unheard !== undefined
        ? { away: { sinceMs: this.#sinceMs, cell: this.cell, neverHeard: true } }
        : !linked && { away: { sinceMs, cell: this.cell } }),
      ...(pending !== undefined && { pending }),
    };
  }
}

function isoOf(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

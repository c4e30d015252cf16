import type { Logger } from 'pino';
import type { View } from '../actor-kind.ts';
import { ErrorWithCode, messageOf } from '../errors.ts';
import { CommandId, type EntityId } from '../ids.ts';
import type { JournalEntry } from '../journal.ts';
import type { Json } from '../json.ts';
import type { DeadLetter } from '../log.ts';
import { RareNotes } from '../rare-notes.ts';
import type { AskOptions, Health, Readiness, Reply, Restarted, Runtime } from '../runtime.ts';
import type { CellLink } from './cell-link.ts';
import type { CellNames } from './cell-names.ts';
import type { CommandStore } from './command-store.ts';
import { EdgeCell } from './edge-cell.ts';
import type { EdgeReport } from './edge-report.ts';
import { type JournalReplicas, ReplicaRequest } from './journal-replica.ts';
import type { MirrorImage } from './view-mirror.ts';

/** Where views of cells are kept for the next start. */
export interface MirrorImages {
  load(cell: string): Promise<MirrorImage | undefined>;
  save(cell: string, image: MirrorImage): Promise<void>;
}

export interface CentreOptions {
  readonly link: CellLink;
  readonly names: CellNames;
  /** The cells of the topology beside this one. */
  readonly cells: readonly string[];
  /** For all that lives here. */
  readonly runtime: Runtime;
  readonly shown: { mirror(id: EntityId, view: () => View): void; remove(id: EntityId): void };
  readonly replicas: JournalReplicas;
  /** Where commands wait for a link. */
  readonly commands: CommandStore;
  /** Rows of another cell stand in the journal here. */
  readonly committed: (entries: readonly JournalEntry[]) => void;
  /** Undefined: it lives here. */
  readonly cellOf: (to: EntityId, command: unknown) => string | undefined;
  /** The plant names the entity, here or in another cell. */
  readonly isListed: (id: EntityId) => boolean;
  /** What is to be told here once another cell has taken what an actor told it. */
  readonly confirmationOf: (to: EntityId, command: Json) => { to: EntityId; command: Json } | undefined;
  readonly ttlMs: (to: EntityId, command: unknown) => number;
  readonly images: MirrorImages;
  /** What is shown of entities of a cell of which nothing was ever heard. */
  readonly unheard?: (cell: string) => ReadonlyMap<EntityId, () => View>;
  readonly logger: Pick<Logger, 'warn' | 'error'>;
  readonly now?: () => number;
}

/** How a cell does, as figures. */
export type CellState = Pick<EdgeCell, 'cell' | 'linked' | 'silentSeconds' | 'behind' | 'liveLagMs' | 'waiting'>;

const TICK_MS = 250;
const LOOK_EVERY_MS = 1000;
/** How long it can be learned how a command ended that had waited. */
const ENDED_KEPT_MS = 86_400_000;
const TRIM_EVERY_MS = 3_600_000;
const SAVE_EVERY_MS = 60_000;

/**
 * The runtime of a node at the centre, with the entities of other cells beside its own: shown as their cells show them, and
 * asked over the link. Nothing is decided about them here.
 */
export class Centre implements Runtime {
  readonly #options: CentreOptions;
  readonly #notes = new RareNotes();
  readonly #runtime: Runtime;
  readonly #cells: ReadonlyMap<string, EdgeCell>;
  #timers: NodeJS.Timeout[] = [];
  #looking = false;

  constructor(options: CentreOptions) {
    const { link, cells, runtime, shown, ttlMs, commands: store, unheard: unheardOf, now } = options;
    this.#options = options;
    this.#runtime = runtime;
    const show = (id: EntityId, view: (() => View) | undefined) =>
      view === undefined ? shown.remove(id) : shown.mirror(id, view);
    this.#cells = new Map(
      cells.map((cell) => {
        const unheard = unheardOf?.(cell) ?? new Map();
        const lost = () => void this.#save(cell);
        return [cell, new EdgeCell({ cell, link, ttlMs, store, show, lost, unheard, ...(now && { now }) })];
      }),
    );
    link.serve('views', (body, from) => this.#cell(from).take(body));
    link.serve('journal', (body, from) => this.#takeRows(body, this.#cell(from).cell));
    link.serve('journal-place', async (_, from) => {
      const place = await options.replicas.place(this.#cell(from).cell);
      return { kind: 'taken', ...place };
    });
    // Edges that have tried in vain pause for some seconds; they need not.
    link.onState(({ connected }) => {
      if (connected) for (const cell of cells) link.tell(cell, 'hello', {});
    });
    link.serve('clock', () => ({ receivedMs: Date.now(), answeredMs: Date.now() }));
  }

  /** Shows the cells as they were last, until they are heard. */
  async start(): Promise<void> {
    const { images, commands, logger } = this.#options;
    for (const [name, cell] of this.#cells) {
      try {
        const image = await images.load(name);
        if (image) cell.restore(image);
      } catch (error) {
        logger.warn({ err: error, cell: name }, 'what a cell showed last cannot be read; it is shown once it is heard');
      }
      cell.showUnheard();
    }
    this.#timers = [
      setInterval(() => {
        for (const cell of this.#cells.values()) cell.tick();
      }, TICK_MS),
      setInterval(() => void this.#look(), LOOK_EVERY_MS),
      setInterval(() => {
        const beforeMs = Date.now() - ENDED_KEPT_MS;
        commands.trim(beforeMs).catch(() => undefined);
      }, TRIM_EVERY_MS),
      setInterval(() => {
        for (const [name, { linked }] of this.#cells) if (linked) void this.#save(name);
      }, SAVE_EVERY_MS),
    ];
    await this.#look();
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all([...this.#cells.keys()].map((name) => this.#save(name)));
  }

  ask(to: EntityId, command: unknown, options: AskOptions): Promise<Reply> {
    const cell = this.#cellOf(to, command);
    if (cell === undefined) return this.#runtime.ask(to, command, options);
    return cell.ask(this.#options.names.book(to, cell.cell), command, options);
  }

  /**
   * What an actor here tells one of another cell, answered once that has it, which takes as long as the link is down; undefined:
   * it lives here. Never rejects.
   */
  tell(to: EntityId, command: Json, options: AskOptions): Promise<Reply> | undefined {
    const name = this.#options.cellOf(to, command);
    const cell = name === undefined ? undefined : this.#cells.get(name);
    return cell && this.#tell(cell, to, command, options);
  }

  isHere(id: EntityId): boolean {
    return this.#runtime.isHere(id);
  }

  onMoved(listener: () => Promise<void>): () => void {
    return this.#runtime.onMoved(listener);
  }

  ingest(source: EntityId, input: unknown): Promise<void> {
    return this.#runtime.ingest(source, input);
  }

  note(to: EntityId, note: Json): void {
    this.#runtime.note(to, note);
  }

  async remembered(id: EntityId): Promise<View | undefined> {
    return this.#cellOf(id, undefined)?.view(id) ?? this.#runtime.remembered(id);
  }

  restart(id: EntityId): Promise<Restarted> {
    const cell = this.#cellOf(id, undefined);
    if (cell === undefined) return this.#runtime.restart(id);
    const message = `it runs in the cell ${cell.cell}: restart it there`;
    return Promise.resolve({ ok: false, code: 'UNAVAILABLE', message });
  }

  deadLetter(letter: DeadLetter): void {
    this.#runtime.deadLetter(letter);
  }

  /** What the plant has at another cell is there, whether that has been heard or not; of the rest a cell that is heard knows. */
  mayExist(id: EntityId): boolean {
    const { cellOf, isListed } = this.#options;
    const cell = cellOf(id, undefined);
    if (cell === undefined) return this.#runtime.mayExist(id);
    return isListed(id) || this.#cells.get(cell)?.linked !== true;
  }

  readiness(): Readiness {
    return this.#runtime.readiness();
  }

  get live(): Runtime['live'] {
    return this.#runtime.live;
  }

  get journal(): Runtime['journal'] {
    return this.#runtime.journal;
  }

  get historian(): Runtime['historian'] {
    return this.#runtime.historian;
  }

  get deadLetters(): Runtime['deadLetters'] {
    return this.#runtime.deadLetters;
  }

  health(): Health {
    return this.#runtime.health();
  }

  cells(): Iterable<CellState> {
    return this.#cells.values();
  }

  /** Cells of which not all has ever been heard: what they have beside what the plant names nobody can say. */
  get unheard(): readonly string[] {
    return [...this.#cells.values()].filter(({ isUnheard }) => isUnheard).map(({ cell }) => cell);
  }

  reports(): EdgeReport[] {
    return [...this.#cells.values()].map((cell) => cell.report());
  }

  /** Of the cells, for the health of the node. */
  parts(): Health['parts'] {
    return [...this.#cells.values()].map((cell) => cell.health());
  }

  /** As the plant says, or as a cell does that shows the entity: its node, for instance. */
  #cellOf(id: EntityId, command: unknown): EdgeCell | undefined {
    const name = this.#options.cellOf(id, command);
    if (name !== undefined) return this.#cells.get(name);
    for (const cell of this.#cells.values()) if (cell.view(id) !== undefined) return cell;
    return undefined;
  }

  async #tell(cell: EdgeCell, to: EntityId, command: Json, options: AskOptions): Promise<Reply> {
    const reply = await cell.tell(this.#options.names.book(to, cell.cell), command, options);
    const confirmation = reply.ok ? this.#options.confirmationOf(to, command) : undefined;
    if (confirmation === undefined) return reply;
    const commandId = CommandId.parse(`${options.commandId} taken`);
    const by = { user: to, via: 'entity' } as const;
    const confirmed = await this.#runtime.ask(confirmation.to, confirmation.command, { ...options, commandId, by });
    return confirmed.ok ? reply : confirmed;
  }

  /** One question for all cells. While the database is away what was known last is shown, and nothing of it is sent. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const waiting = await this.#options.commands.waiting();
      for (const [name, cell] of this.#cells) await cell.look(waiting.filter((command) => command.cell === name));
    } catch {
      // Asked again in a second.
    }
    this.#looking = false;
  }

  #cell(name: string): EdgeCell {
    const cell = this.#cells.get(name);
    if (cell) return cell;
    const message = `the topology of the centre has no cell ${name}`;
    throw new ErrorWithCode('UNKNOWN_CELL', message, { retryable: false });
  }

  async #takeRows(body: unknown, cell: string): Promise<object> {
    const { names } = this.#options;
    const { after, identity, entries } = ReplicaRequest.parse(body);
    const rows = entries.map((entry) => ({ ...entry, entity: names.outside(entry.entity, cell) }));
    const taken = await this.#options.replicas.take({ cell, after, identity, entries: rows });
    if (taken.kind === 'taken') this.#options.committed(taken.entries);
    return { kind: taken.kind, ...taken.place };
  }

  async #save(name: string): Promise<void> {
    const image = this.#cells.get(name)?.image();
    if (!image) return;
    try {
      await this.#options.images.save(name, image);
    } catch (error) {
      const leftOut = this.#notes.admit(name);
      if (leftOut === undefined) return;
      const fields = { cell: name, reason: messageOf(error) };
      this.#options.logger.warn(fields, 'what a cell shows could not be kept for the next start; tried again');
    }
  }
}

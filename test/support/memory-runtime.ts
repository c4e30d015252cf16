import type { View } from '../../runtime/actor-kind.ts';
import { commandHash, journalCommandId } from '../../runtime/command-identity.ts';
import type { Historian, RawQuery, Sample, WindowQuery, WindowRow } from '../../runtime/historian.ts';
import { type EntityId, entityId } from '../../runtime/ids.ts';
import type { Journal, JournalEntry, JournalQuery, Restored } from '../../runtime/journal.ts';
import type { Json } from '../../runtime/json.ts';
import { LiveCells } from '../../runtime/live-cells.ts';
import type { DeadLetter } from '../../runtime/log.ts';
import type { AskOptions, Health, Readiness, Reply, Restarted, Runtime } from '../../runtime/runtime.ts';
import { MemoryDeadLetters } from './memory-dead-letters.ts';

type Row = Omit<JournalEntry, 'position' | 'seq'>;
export type Asked = { readonly to: EntityId; readonly command: unknown; readonly options: AskOptions };

/**
 * A runtime without actors: tests say what the views are, what is committed and what a command is answered. The live bus is
 * the real one.
 */
export class MemoryRuntime implements Runtime {
  readonly live: LiveCells;
  readonly journal = new MemoryJournal();
  readonly historian = new MemoryHistorian();
  readonly asked: Asked[] = [];
  answer: (asked: Asked) => Reply | Promise<Reply> = () => ({ ok: true, result: null, repeated: false });
  healthNow: Health = { status: 'healthy', parts: [{ name: 'journal', status: 'healthy', detail: '' }] };
  readonly #views = new Map<EntityId, View>();
  readonly #answers = new Map<string, { readonly hash: string; readonly result: Json }>();

  constructor({ flushIntervalMs = 5 } = {}) {
    this.live = new LiveCells({
      flushIntervalMs,
      failed: (id, error) => {
        throw new Error(`view of ${id}`, { cause: error });
      },
    });
  }

  readonly deadLetters = new MemoryDeadLetters();

  isHere(): boolean {
    return true;
  }

  onMoved(): () => void {
    return () => undefined;
  }

  /** Replaces groups of a view. */
  set(id: string, groups: View): void {
    const entity = entityId(...split(id));
    this.#views.set(entity, { ...this.#views.get(entity), ...groups });
    this.live.touch(entity, () => this.#views.get(entity) ?? {});
  }

  /** As of an entity that is no more. */
  remove(id: string): void {
    const entity = entityId(...split(id));
    this.#views.delete(entity);
    this.live.touch(entity, () => this.#views.get(entity) ?? {});
  }

  /** As an actor would: into the journal first, then announced. */
  commit(id: string, kind: string, after: Json = null, more: Partial<Row> = {}): JournalEntry {
    const entry = this.journal.add(entityId(...split(id)), kind, after, more);
    this.live.committed([entry]);
    return entry;
  }

  async ask(to: EntityId, command: unknown, options: AskOptions): Promise<Reply> {
    const asked = { to, command, options };
    const key = `${to} ${journalCommandId(options)}`;
    const hash = commandHash(command);
    const first = this.#answers.get(key);
    if (first !== undefined) {
      return first.hash === hash
        ? { ok: true, result: first.result, repeated: true }
        : { ok: false, code: 'COMMAND_ID_REUSED', message: 'used for another command', field: 'commandId' };
    }
    this.asked.push(asked);
    const reply = await this.answer(asked);
    if (reply.ok) this.#answers.set(key, { hash, result: reply.result });
    return reply;
  }

  async ingest(): Promise<void> {}
  note(): void {}
  /** Of entities that are not live. */
  readonly records = new Map<EntityId, View>();
  async remembered(id: EntityId): Promise<View | undefined> {
    return this.records.get(id);
  }

  readonly restarts: EntityId[] = [];
  restarted: Restarted = { ok: true };
  async restart(id: EntityId): Promise<Restarted> {
    this.restarts.push(id);
    return this.restarted;
  }

  /** Entities that nobody shows now and that are there all the same. */
  readonly moving = new Set<EntityId>();
  mayExist(id: EntityId): boolean {
    return this.moving.has(id);
  }

  readinessNow: Readiness = { ready: true };
  readiness(): Readiness {
    const { status } = this.healthNow;
    return status === 'unhealthy' ? { ready: false, reason: 'it is not well' } : this.readinessNow;
  }

  deadLetter(letter: DeadLetter): void {
    void this.deadLetters.append([letter]);
  }

  health(): Health {
    return this.healthNow;
  }

  close(): void {
    this.live.close();
  }
}

export class MemoryJournal implements Journal {
  readonly rows: JournalEntry[] = [];
  /** Held before each query, for tests of races. */
  beforeQuery: () => Promise<void> = async () => {};
  queries = 0;
  readonly #seqs = new Map<EntityId, number>();

  add(entity: EntityId, kind: string, after: Json, more: Partial<Row> = {}): JournalEntry {
    const seq = (this.#seqs.get(entity) ?? 0) + 1;
    this.#seqs.set(entity, seq);
    const entry: JournalEntry = {
      position: this.rows.length + 1,
      entity,
      seq,
      shard: 0,
      epoch: 1,
      commandId: null,
      kind,
      event: { kind },
      timeMs: Date.now(),
      by: { user: 'system', via: 'log' },
      logPosition: 0,
      before: null,
      after,
      ...more,
    };
    this.rows.push(entry);
    return entry;
  }

  async query(query: JournalQuery): Promise<JournalEntry[]> {
    this.queries++;
    await this.beforeQuery();
    const rows = this.rows.filter(
      (row) =>
        (query.entity === undefined || row.entity === query.entity) &&
        (query.kinds === undefined || query.kinds.includes(row.kind)) &&
        (query.after === undefined || row.position > query.after) &&
        (query.before === undefined || row.position < query.before) &&
        (query.user === undefined || row.by.user === query.user) &&
        (query.fromMs === undefined || row.timeMs >= query.fromMs) &&
        (query.toMs === undefined || row.timeMs < query.toMs),
    );
    if (query.newestFirst) rows.reverse();
    return rows.slice(0, query.limit);
  }

  async end(): Promise<number> {
    return this.rows.length;
  }

  identityNow = 'memory';

  async identity(): Promise<string> {
    return this.identityNow;
  }

  async includes(identity: string, position: number): Promise<boolean> {
    return identity === this.identityNow && position <= this.rows.length;
  }

  async events(entity: EntityId, afterSeq: number): Promise<JournalEntry[]> {
    return this.rows.filter((row) => row.entity === entity && row.seq > afterSeq);
  }

  async restore(entities: readonly EntityId[]): Promise<Map<EntityId, Restored>> {
    const restored = await Promise.all(
      entities.map(async (id) => [id, { snapshot: undefined, events: await this.events(id, 0) }] as const),
    );
    return new Map(restored);
  }

  async entities(kind?: string): Promise<EntityId[]> {
    return [...this.#seqs.keys()].filter((id) => kind === undefined || id.startsWith(`${kind}/`)).sort();
  }

  append(): Promise<never> {
    return Promise.reject(new Error('tests commit by themselves'));
  }

  async answered(): Promise<undefined> {}
  async saveSnapshots(): Promise<void> {}
  async snapshot(): Promise<undefined> {}
  async pendingEffects(): Promise<[]> {
    return [];
  }
  async settle(): Promise<void> {}
  async retire(): Promise<void> {}
  async close(): Promise<void> {}
}

export class MemoryHistorian implements Historian {
  readonly samples = new Map<string, Sample[]>();
  readonly windowRows = new Map<string, WindowRow[]>();
  readonly asked: (RawQuery | WindowQuery)[] = [];

  async raw(query: RawQuery): Promise<Sample[]> {
    this.asked.push(query);
    const samples = (this.samples.get(`${query.entity} ${query.series}`) ?? []).filter(
      ({ timeMs }) => timeMs >= query.fromMs && timeMs < query.toMs,
    );
    if (query.newestFirst) samples.reverse();
    return samples.slice(0, query.limit);
  }

  async windows(query: WindowQuery): Promise<WindowRow[]> {
    this.asked.push(query);
    return (this.windowRows.get(`${query.entity} ${query.series}`) ?? [])
      .filter(({ startMs }) => startMs >= query.fromMs && startMs < query.toMs)
      .slice(0, query.limit);
  }

  async position(): Promise<number> {
    return 0;
  }
  async caughtUp(): Promise<void> {}
  async statistics(): Promise<Record<string, Json>> {
    return { series: this.samples.size };
  }
  async trim(): Promise<void> {}
  async close(): Promise<void> {}
}

function split(id: string): [string, string] {
  const slash = id.indexOf('/');
  return [id.slice(0, slash), id.slice(slash + 1)];
}

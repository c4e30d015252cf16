import type { Recovering } from './entity/host.ts';
import type { EntityId } from './ids.ts';
import { InOrder } from './in-order.ts';
import type { PositionedRecord, TelemetryLog } from './log.ts';
import { StoreFailure } from './store-failure.ts';

const READ_RECORDS = 4096;

interface Member {
  readonly entity: Recovering;
  resolve(): void;
  reject(error: unknown): void;
}

export interface SharedReplayOptions {
  readonly log: TelemetryLog;
  readonly followersOf: (source: EntityId) => readonly EntityId[];
  /** Position up to which an entity has nothing to observe that is not in its snapshot. */
  readonly covered: (id: EntityId) => number;
  /** Resolves when those have been read from the journal that were being read: they share a pass. */
  readonly gathered: () => Promise<void>;
}

/**
 * Gives entities that are built again what the log has for them. Those that come together share a pass over the log, and so do
 * those that come while one is under way: a node that takes over thousands does not read the log once for each. Whoever is
 * awaited waits for no others: those have passes of their own.
 */
export class SharedReplay {
  readonly #options: SharedReplayOptions;
  readonly #waiting = new Set<Member>();
  readonly #running = { awaited: false, all: false };

  constructor(options: SharedReplayOptions) {
    this.#options = options;
  }

  /** Resolves when the entity has seen the log to its end; rejects with what it threw itself, or because of the log. */
  replay(entity: Recovering): Promise<void> {
    if (!entity.kind.observe) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.add({ entity, resolve, reject });
      if (entity.isAwaited) this.#begin('awaited');
      this.#begin('all');
    });
  }

  /** Somebody began to wait for an entity that is being built. */
  awaited(): void {
    if (this.#waiting.size > 0) this.#begin('awaited');
  }

  /** A pass over the log goes on for somebody who is awaited. */
  get isAwaited(): boolean {
    return this.#running.awaited;
  }

  #begin(which: 'awaited' | 'all'): void {
    if (this.#running[which]) return;
    this.#running[which] = true;
    setImmediate(() => void this.#run(which));
  }

  async #run(which: 'awaited' | 'all'): Promise<void> {
    for (;;) {
      if (which === 'all' && this.#waiting.size > 0) await this.#options.gathered();
      const group = this.#take(which);
      if (group.size === 0) break;
      await this.#give(group);
    }
    this.#running[which] = false;
  }

  #take(which: 'awaited' | 'all'): Map<EntityId, Member> {
    const group = new Map<EntityId, Member>();
    for (const member of this.#waiting) {
      if (which === 'awaited' && !member.entity.isAwaited) continue;
      this.#waiting.delete(member);
      group.set(member.entity.id, member);
    }
    return group;
  }

  async #give(group: Map<EntityId, Member>): Promise<void> {
    try {
      await this.#pass(group);
      for (const member of group.values()) member.resolve();
    } catch (cause) {
      for (const member of group.values()) member.reject(new StoreFailure('telemetry log', cause));
    }
  }

  async #pass(group: Map<EntityId, Member>): Promise<void> {
    const { log, followersOf, covered } = this.#options;
    const from = Math.min(...[...group.values()].map(({ entity }) => Math.max(entity.logPosition, covered(entity.id))));
    // What comes from now on waits in their mailboxes. To chase the end of a log that others write to might never end.
    const end = await log.end();
    if (end <= from) return;
    const turns = new InOrder();
    const give = (member: Member, record: PositionedRecord) =>
      turns.take(member.entity.id, () => replayed(group, member, record));
    let position = from;
    while (position < end && group.size > 0) {
      const records = await log.read(position, READ_RECORDS);
      if (records.length === 0) break;
      for (const record of records) {
        position = record.position;
        if (position > end) break;
        const source = group.get(record.source);
        // Only where there is something to wait for: to wait for nothing, too, takes longer than most turns.
        const full = source?.entity.kind.admit && give(source, record);
        if (full) await full;
        for (const follower of followersOf(record.source)) {
          const member = group.get(follower);
          const full = member && give(member, record);
          if (full) await full;
        }
      }
    }
    await turns.settled();
  }
}

/** What one cannot take is its own affair; the others go on. */
function replayed(group: Map<EntityId, Member>, member: Member, record: PositionedRecord): void | Promise<void> {
  if (!group.has(member.entity.id)) return;
  const failed = (error: unknown) => {
    group.delete(member.entity.id);
    member.reject(error);
  };
  try {
    return member.entity.replay(record)?.catch(failed);
  } catch (error) {
    failed(error);
  }
}

import type { Recovering } from './entity/host.ts';
import type { EntityId } from './ids.ts';
import type { PositionedRecord, TelemetryLog } from './log.ts';
import { recordsAfter } from './recovery.ts';
import { StoreFailure } from './store-failure.ts';

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
}

/**
 * Gives entities that are built again what the log has for them. Those that come while a pass over the log is under way share
 * the next one: after an outage of the journal many come at once, and the log is not read once for each.
 */
export class SharedReplay {
  readonly #options: SharedReplayOptions;
  #waiting: Member[] = [];
  #running = false;

  constructor(options: SharedReplayOptions) {
    this.#options = options;
  }

  /** Resolves when the entity has seen the log to its end; rejects with what it threw itself, or because of the log. */
  replay(entity: Recovering): Promise<void> {
    if (!entity.kind.observe) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entity, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      setImmediate(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = new Map(this.#waiting.splice(0).map((member) => [member.entity.id, member]));
      try {
        await this.#pass(group);
        for (const member of group.values()) member.resolve();
      } catch (cause) {
        for (const member of group.values()) member.reject(new StoreFailure('telemetry log', cause));
      }
    }
    this.#running = false;
  }

  async #pass(group: Map<EntityId, Member>): Promise<void> {
    const { log, followersOf, covered } = this.#options;
    const from = Math.min(...[...group.values()].map(({ entity }) => Math.max(entity.logPosition, covered(entity.id))));
    // What comes from now on waits in their mailboxes. To chase the end of a log that others write to might never end.
    const end = await log.end();
    if (end <= from) return;
    for await (const record of recordsAfter(log, from)) {
      if (record.position > end) return;
      const source = group.get(record.source);
      if (source?.entity.kind.admit) await give(group, source, record);
      for (const follower of followersOf(record.source)) {
        const member = group.get(follower);
        if (member) await give(group, member, record);
      }
      if (group.size === 0 || record.position === end) return;
    }
  }
}

/** What one cannot take is its own affair; the others go on. */
async function give(group: Map<EntityId, Member>, member: Member, record: PositionedRecord): Promise<void> {
  try {
    await member.entity.replay(record);
  } catch (error) {
    group.delete(member.entity.id);
    member.reject(error);
  }
}

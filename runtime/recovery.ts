import type { Entities } from './entities.ts';
import type { Entity } from './entity/entity.ts';
import type { EntityId } from './ids.ts';
import type { TelemetryLog } from './log.ts';

const READ_BATCH = 4096;
/** Entities in the making at a time; what the journal has of them is read in fewer pieces still. */
const LOADING_AT_ONCE = 1024;

type Followers = (source: EntityId) => readonly EntityId[];

/** Brings many entities up in one pass over the log, from the position that all their snapshots cover. */
export async function recoverAll(options: {
  readonly ids: Iterable<EntityId>;
  readonly entities: Entities;
  readonly log: TelemetryLog;
  readonly followersOf: Followers;
  readonly from: number;
}): Promise<void> {
  const { entities, log, followersOf } = options;
  const recovering: Entity[] = [];
  for (const id of options.ids) {
    // What the topology no longer has stays in the journal, as history, and does not come up.
    const entity = entities.create(id);
    if (entity) recovering.push(entity);
  }
  await inGroups(recovering, (entity) => entity.load());
  for await (const record of recordsAfter(log, options.from)) {
    const source = entities.get(record.source);
    if (source?.kind.admit) await source.replay(record);
    for (const follower of followersOf(record.source)) await entities.get(follower)?.replay(record);
  }
  await inGroups(recovering, (entity) => entity.finish());
}

/** What the log has after a position, record by record. */
export async function* recordsAfter(log: TelemetryLog, after: number) {
  let position = after;
  for (
    let batch = await log.read(position, READ_BATCH);
    batch.length > 0;
    batch = await log.read(position, READ_BATCH)
  ) {
    for (const record of batch) {
      position = record.position;
      yield record;
    }
  }
}

async function inGroups(all: readonly Entity[], work: (entity: Entity) => Promise<void>): Promise<void> {
  for (let start = 0; start < all.length; start += LOADING_AT_ONCE) {
    await Promise.all(all.slice(start, start + LOADING_AT_ONCE).map(work));
  }
}

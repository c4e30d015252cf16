import type { EntityId } from '../../runtime/ids.ts';
import type { Checker } from './checker.ts';
import { type Command, ENTITIES, readingOf } from './plant.ts';
import type { World } from './world.ts';

/** What devices say: a log for each entity, which is never away here and keeps everything. */
export class Readings {
  /** They end with the faults. */
  coming = true;
  readonly #logs: ReadonlyMap<EntityId, Command[]> = new Map(ENTITIES.map((entity) => [entity, []]));

  constructor(world: World, checker: Checker) {
    const { random } = world;
    const next = () =>
      world.in(random.between(300, 1700), () => {
        if (!this.coming) return;
        const entity = random.pick(ENTITIES);
        const log = this.#logs.get(entity) ?? [];
        const reading = readingOf(entity, log.length, 1 + random.below(3), random.chance(0.3));
        log.push(reading);
        checker.sent(reading);
        next();
      });
    next();
  }

  after(entity: EntityId, position: number): Command | undefined {
    return this.#logs.get(entity)?.[position];
  }

  *all(): Generator<Command> {
    for (const log of this.#logs.values()) yield* log;
  }
}

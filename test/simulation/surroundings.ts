import type { Epoch, Shard } from '../../runtime/ownership.ts';
import type { Checker } from './checker.ts';
import type { Database } from './database.ts';
import type { Network } from './network.ts';
import type { Sabotage } from './plant.ts';
import type { Readings } from './readings.ts';
import type { Request } from './shard-memory.ts';
import type { World } from './world.ts';

/** What others may send to a process. */
export interface Reachable {
  /** Died, or said goodbye: nothing reaches it any more. */
  readonly ended: boolean;
  request(request: Request): void;
  hint(shard: Shard, epoch: Epoch): void;
}

/** What a process of the simulation finds around it. */
export interface Surroundings {
  readonly world: World;
  readonly database: Database;
  readonly network: Network;
  readonly checker: Checker;
  readonly sabotage: Sabotage;
  readonly readings: Readings;
  processOf(node: string): Reachable | undefined;
  announce(client: string, shard: Shard, owner: { readonly node: string; readonly epoch: Epoch }): void;
}

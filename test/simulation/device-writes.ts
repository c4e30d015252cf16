import { refusalOf } from '../../gateways/write-rule.ts';
import type { Authority } from '../../runtime/cluster/authority.ts';
import { after, type Instant } from '../../runtime/cluster/instant.ts';
import type { Epoch, Shard } from '../../runtime/ownership.ts';
import type { Turn } from './database.ts';
import { type Sabotage, shardOfEntity } from './plant.ts';

/** How long after it was begun a write to a device is still of use. */
const USEFUL_MS = 6000;

interface FencedWrite {
  readonly epoch: Epoch;
  readonly deadline: Instant;
}

export interface WriteHost {
  readonly sabotage: Sabotage;
  now(): Instant;
  epochInMemory(shard: Shard): Epoch | undefined;
  authority(shard: Shard): Authority | undefined;
  /** After the time that a write waits in a driver's queue. */
  later(run: () => void): void;
  write(turn: Turn, epoch: Epoch): void;
}

/** The driver of a process: writes that committed events ask for, each in the queue of a slow link before it leaves. */
export class DeviceWrites {
  readonly #host: WriteHost;
  readonly #due = new Map<string, Turn>();
  readonly #highest = new Map<string, Epoch>();

  constructor(host: WriteHost) {
    this.#host = host;
  }

  add(turn: Turn): void {
    this.#due.set(turn.command.commandId, turn);
  }

  /** Puts into the queue what this node may write now. */
  begin(): void {
    for (const [commandId, turn] of this.#due) {
      const shard = shardOfEntity(turn.entity);
      if (this.#host.epochInMemory(shard) === undefined) {
        // Not ours any more: the next owner finds it in the journal.
        this.#due.delete(commandId);
        continue;
      }
      const authority = this.#host.authority(shard);
      if (!authority) continue;
      this.#due.delete(commandId);
      const write = { epoch: authority.epoch, deadline: after(this.#host.now(), USEFUL_MS) };
      this.#host.later(() => this.#leave(turn, write));
    }
  }

  #leave(turn: Turn, write: FencedWrite): void {
    const shard = shardOfEntity(turn.entity);
    const device = turn.entity;
    const mayAct = this.#host.sabotage.noLastLook || this.#host.authority(shard)?.epoch === write.epoch;
    const refusal = refusalOf(write, { at: this.#host.now(), mayAct, highestEpoch: this.#highest.get(device) });
    if (refusal === null) {
      this.#highest.set(device, write.epoch);
      this.#host.write(turn, write.epoch);
      return;
    }
    // With a lease that was verified since it may still go, as long as the shard is ours.
    if (this.#host.epochInMemory(shard) === write.epoch) this.add(turn);
  }
}

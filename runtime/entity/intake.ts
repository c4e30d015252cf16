import type { Admission } from '../actor-kind.ts';
import type { EntityId } from '../ids.ts';
import type { Epoch } from '../ownership.ts';
import type { EntityHost } from './host.ts';
import type { Memory } from './memory.ts';
import type { MessageOf } from './message.ts';

/**
 * The way of an entity's own readings into the log. What was admitted is in its state before the log has it, so nobody may
 * be told, and nothing saved, before the log has answered.
 */
export class Intake {
  readonly #id: EntityId;
  readonly #epoch: Epoch | undefined;
  readonly #host: EntityHost;
  readonly #refused: () => void;
  /** The newest append that is under way. */
  #logging: Promise<void> | undefined;
  #refusals = 0;

  /** @param refused the log did not take what the state knows of: the state has to be built again */
  constructor({ id, epoch }: Pick<Memory, 'id' | 'epoch'>, host: EntityHost, refused: () => void) {
    this.#id = id;
    this.#epoch = epoch;
    this.#host = host;
    this.#refused = refused;
  }

  take({ observation, rejected }: Admission<unknown>, { taken, refused }: MessageOf<'input'>): void {
    for (const { code, reason, body } of rejected) {
      const timeMs = this.#host.now();
      this.#host.deadLetter({ timeMs, stream: 'invalid_telemetry', source: this.#id, code, reason, body });
    }
    if (observation === null) {
      // A duplicate may be one of a reading that is still on its way to the log: its sender must not let go of it before.
      if (this.#logging === undefined) taken();
      else this.#logging.then(taken, refused);
      return;
    }
    const logging = this.#host.append({ source: this.#id, observation }, this.#epoch);
    this.#logging = logging;
    logging.then(
      () => {
        if (this.#logging === logging) this.#logging = undefined;
        taken();
      },
      (error: unknown) => {
        if (this.#logging === logging) this.#logging = undefined;
        this.#refusals++;
        this.#refused();
        refused(error);
      },
    );
  }

  /** Tells, once the log has answered for everything that the state knows of by now, whether it took it all. */
  settled(tell: (all: boolean) => void): void {
    if (this.#logging === undefined) {
      tell(true);
      return;
    }
    const refusals = this.#refusals;
    const settled = () => tell(this.#refusals === refusals);
    this.#logging.then(settled, settled);
  }
}

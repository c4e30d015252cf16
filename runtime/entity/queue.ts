import type { View } from '../actor-kind.ts';
import type { EntityId } from '../ids.ts';
import type { Json } from '../json.ts';
import { Mailbox } from '../mailbox.ts';
import type { LocalCell } from '../nact/cell.ts';
import type { Message } from './message.ts';

export const DEFAULT_COMMAND_CAPACITY = 256;
/** Inputs of one source before they were admitted. Those that wait for the log are bounded there. */
export const INPUT_CAPACITY = 4096;

/** `full`: not now; whoever sent it keeps it. `gone`: the entity is being stopped. */
export type Posted = 'posted' | 'full' | 'gone';

/** Told what a full mailbox does not take (`refused`), and what newer news have made useless (`replaced`). */
export type Overflowed = (message: 'command' | 'input' | 'note' | 'watch', what: 'refused' | 'replaced') => void;

type Latest = { readonly kind: 'note'; note: Json };
type Watched = { readonly kind: 'watch'; readonly changed: Map<EntityId, View> };

/**
 * The mailbox of an entity and what may wait in it while a turn takes long, by kind of message:
 * - commands: up to the kind's capacity, then refused with OVERLOADED;
 * - inputs: up to `INPUT_CAPACITY`, then refused with OVERLOADED, and their source keeps them;
 * - records: the node hands out so many at a time (`MAX_OUTSTANDING`), the rest waits in the log;
 * - notes and views of others: the newest wins, one a note and one a view;
 * - being due, asked for derived observations or to be built again: once, for twice means the same;
 * - snapshots: one, since a checkpoint waits for its answer.
 */
export class EntityQueue {
  readonly #mailbox: Mailbox<Message>;
  readonly #commandCapacity: number;
  readonly #overflowed: Overflowed;
  #commands = 0;
  #inputs = 0;
  #records = 0;
  #closed = false;
  #note: Latest | undefined;
  #watch: Watched | undefined;
  readonly #once = { due: false, emit: false, recover: false };

  /** @param receive must not throw */
  constructor(
    cell: LocalCell,
    commandCapacity: number,
    receive: (message: Message) => void | Promise<void>,
    overflowed: Overflowed,
  ) {
    this.#commandCapacity = commandCapacity;
    this.#overflowed = overflowed;
    this.#mailbox = new Mailbox(cell, (message) => {
      this.#left(message);
      return receive(message);
    });
  }

  get size(): number {
    return this.#mailbox.size;
  }

  /** Somebody waits for what becomes of a message in it, or for its end. */
  get isAwaited(): boolean {
    return this.#closed || this.#commands + this.#inputs + this.#records > 0;
  }

  post(message: Message): Posted {
    switch (message.kind) {
      case 'command':
        if (this.#commands >= this.#commandCapacity) return this.#refuse('command');
        this.#commands++;
        return this.#put(message);
      case 'input':
        if (this.#inputs >= INPUT_CAPACITY) return this.#refuse('input');
        this.#inputs++;
        return this.#put(message);
      case 'note':
        return this.#postNote(message.note);
      case 'watch':
        return this.#postWatch(message.changed);
      case 'due':
      case 'emit':
      case 'recover':
        if (this.#once[message.kind]) return 'posted';
        this.#once[message.kind] = true;
        return this.#put(message);
      case 'record':
        this.#records++;
        return this.#put(message);
      case 'snapshot':
        return this.#put(message);
    }
  }

  /** As `Mailbox.close`. */
  close(): Promise<Message[]> {
    this.#closed = true;
    return this.#mailbox.close();
  }

  /** Closed, it takes nothing any more, so what was counted before does not matter then. */
  #put(message: Message): Posted {
    return this.#mailbox.post(message) ? 'posted' : 'gone';
  }

  #refuse(message: 'command' | 'input'): Posted {
    this.#overflowed(message, 'refused');
    return 'full';
  }

  #postNote(note: Json): Posted {
    if (this.#note) {
      this.#note.note = note;
      this.#overflowed('note', 'replaced');
      return 'posted';
    }
    this.#note = { kind: 'note', note };
    return this.#put(this.#note);
  }

  #postWatch(changed: ReadonlyMap<EntityId, View>): Posted {
    if (this.#watch === undefined) {
      this.#watch = { kind: 'watch', changed: new Map(changed) };
      return this.#put(this.#watch);
    }
    for (const [id, view] of changed) {
      if (this.#watch.changed.has(id)) this.#overflowed('watch', 'replaced');
      this.#watch.changed.set(id, view);
    }
    return 'posted';
  }

  #left({ kind }: Message): void {
    if (kind === 'command') this.#commands--;
    else if (kind === 'input') this.#inputs--;
    else if (kind === 'record') this.#records--;
    else if (kind === 'note') this.#note = undefined;
    else if (kind === 'watch') this.#watch = undefined;
    else if (kind === 'due' || kind === 'emit' || kind === 'recover') this.#once[kind] = false;
  }
}

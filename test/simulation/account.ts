import { type RecordedEvent, Unrecorded, type UnrecordedTurn } from '../../runtime/entity/unrecorded.ts';
import type { EntityId } from '../../runtime/ids.ts';
import type { JournalRow, Turn } from './database.ts';
import { isReading } from './plant.ts';
import type { Request } from './shard-memory.ts';

/** A turn as an entity keeps it that could not record it. */
export interface KeptTurn extends UnrecordedTurn {
  readonly turn: Turn;
}

export function keptOf(turn: Turn): KeptTurn {
  const { seq: firstSeq, epoch, timeMs, command } = turn;
  return { turn, firstSeq, epoch, timeMs, events: [{ kind: kindOf(command) }] };
}

/** A row as the product reads it: by its kind and its time, for nothing in it says whose decision it was. */
export function eventOf({ command, timeMs, epoch }: JournalRow): RecordedEvent {
  return { kind: kindOf(command), timeMs, epoch };
}

function kindOf(command: Turn['command']): string {
  return isReading(command) ? 'Observed' : 'Changed';
}

/** An entity in memory, between its turns. */
export class Account {
  readonly entity: EntityId;
  total = 0;
  /** Of the newest row that the journal is known to have. */
  seq = 0;
  /** Readings that are decided on. */
  logPosition = 0;
  /** The command whose turn is under way. */
  busy: Request | undefined;
  /** Turns that are on the way to the journal. */
  underWay = 0;
  /** It is being built again, or records what it decided without the journal: nothing else happens meanwhile. */
  closed = false;
  unrecorded: Unrecorded<KeptTurn> | undefined;
  readonly mailbox: Request[] = [];

  constructor(entity: EntityId) {
    this.entity = entity;
  }

  /** From the newest row of it. */
  build(row: JournalRow | undefined): void {
    this.unrecorded = undefined;
    this.total = row?.total ?? 0;
    this.seq = row?.seq ?? 0;
    this.logPosition = row?.logPosition ?? 0;
  }

  /** It goes on without the journal. */
  goOn(nowMs: number): Unrecorded<KeptTurn> {
    this.unrecorded ??= new Unrecorded<KeptTurn>(this.total, nowMs);
    return this.unrecorded;
  }

  keep(kept: KeptTurn): void {
    this.unrecorded?.add(kept);
    this.total = kept.turn.total;
    this.logPosition = kept.turn.logPosition;
  }

  get idle(): boolean {
    return this.busy === undefined && this.underWay === 0 && this.mailbox.length === 0;
  }
}

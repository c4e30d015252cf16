import type { Group } from './live-bus.ts';
import type { LiveBeat, LiveFrame } from './live-frame.ts';
import { EVERY_GROUP } from './live-lane.ts';
import type { Epoch, Shard } from './ownership.ts';

/** Frames that wait until what was before them has been read; with more it is read once again. */
const MAX_HELD = 512;

/** How far the frames of one group are, of one node. */
export interface Stream {
  /** Number up to which everything is known; undefined before anything was read. */
  seen: number | undefined;
  /** Frames are missing: what follows is held until the owner has been read. */
  torn: boolean;
  held: LiveFrame[];
}

/** Another node of the cell as its frames and beats tell of it. */
export class Peer {
  readonly node: string;
  run: string | undefined;
  /** On the clock of `performance.now`. */
  heardMs: number;
  /** Whether a frame or a beat ever came. */
  spoke = false;
  /** Silent for so long that its views are marked; epoch milliseconds since when. */
  awaySinceMs: number | undefined;
  /** Of the last frames that were sent, as beats tell. */
  readonly numbers = new Map<Group, number>();
  wants: ReadonlySet<Group> | 'all' = new Set();
  shards: ReadonlyMap<Shard, Epoch> = new Map();
  /** Groups of which everything has been read, `*` for all. */
  readonly read = new Set<Group>();
  /** Groups to be read, and whether somebody is at it. */
  readonly unread = new Set<Group>();
  reading = false;
  readonly #streams = new Map<Group, Stream>();

  constructor(node: string, nowMs: number) {
    this.node = node;
    this.heardMs = nowMs;
  }

  get streams(): ReadonlyMap<Group, Stream> {
    return this.#streams;
  }

  /** Its process is a new one, and with it begin its numbers. */
  beginRun(run: string): void {
    this.run = run;
    this.read.clear();
    this.#streams.clear();
    this.numbers.clear();
    this.shards = new Map();
  }

  stream(group: Group): Stream {
    let stream = this.#streams.get(group);
    if (stream === undefined) {
      // Where all of it was read, a group that nobody knew of has no frame yet.
      stream = { seen: this.read.has(EVERY_GROUP) ? 0 : undefined, torn: false, held: [] };
      this.#streams.set(group, stream);
    }
    return stream;
  }

  hasRead(group: Group): boolean {
    return this.read.has(EVERY_GROUP) || this.read.has(group);
  }

  /** Nobody looks at these groups any more. */
  letGo(isCovered: (group: Group) => boolean): void {
    if (this.read.has(EVERY_GROUP) && !isCovered(EVERY_GROUP))
      for (const [group, { seen }] of this.#streams) if (seen !== undefined) this.read.add(group);
    for (const group of this.#streams.keys()) if (!isCovered(group)) this.#streams.delete(group);
    for (const group of this.read) if (!isCovered(group)) this.read.delete(group);
    for (const group of this.unread) if (!isCovered(group)) this.unread.delete(group);
  }

  /** The frames that may be applied now, in order. Torn afterwards: something is missing, and its owner has to be read. */
  take(frame: LiveFrame): readonly LiveFrame[] {
    const stream = this.stream(frame.group);
    // The first of all of a run: nothing was before it.
    if (stream.seen === undefined && frame.number === 1) stream.seen = 0;
    if (stream.seen === undefined || stream.torn) {
      if (stream.held.length >= MAX_HELD) stream.held = [];
      stream.held.push(frame);
      return [];
    }
    if (frame.number <= stream.seen) return [];
    if (frame.number === stream.seen + 1) {
      stream.seen = frame.number;
      return [frame];
    }
    stream.torn = true;
    stream.held.push(frame);
    return [];
  }

  /**
   * Everything up to a number has been read: the frames after it that waited. Undefined where that is older than what is known.
   */
  resume(group: Group, number: number): readonly LiveFrame[] | undefined {
    const stream = this.stream(group);
    if (stream.seen !== undefined && number < stream.seen) return undefined;
    const { held } = stream;
    stream.seen = number;
    stream.torn = false;
    stream.held = [];
    return held.flatMap((frame) => this.take(frame));
  }

  /** Of the groups that are looked at, those of which a beat says that more has been sent than came. */
  beat(beat: LiveBeat, isCovered: (group: Group) => boolean): Group[] {
    // A long beat comes in parts.
    for (const [group, number] of beat.numbers) this.numbers.set(group, number);
    this.wants = beat.wants === 'all' ? 'all' : new Set(beat.wants);
    this.shards = beat.shards;
    const behind: Group[] = [];
    for (const [group, number] of beat.numbers) {
      if (!isCovered(group)) continue;
      const stream = this.stream(group);
      if (stream.seen !== undefined && stream.seen >= number) continue;
      stream.torn = true;
      behind.push(group);
    }
    return behind;
  }
}

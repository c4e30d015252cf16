import { after, type Instant } from '../../runtime/cluster/instant.ts';
import { authorityAt, type Member, type MemberEffect, type MemberInput } from '../../runtime/cluster/member.ts';
import type { ShardAnswer } from '../../runtime/cluster/shard-phase.ts';
import type { Epoch, Shard } from '../../runtime/ownership.ts';
import type { JournalRow, Turn } from './database.ts';
import type { DatabaseCalls } from './database-calls.ts';
import { DeviceWrites } from './device-writes.ts';
import { JournalLine } from './journal-line.ts';
import type { Life } from './life.ts';
import { CLIENTS, entitiesOf, shardOfEntity, TIMES } from './plant.ts';
import { type Request, type ShardHost, ShardMemory } from './shard-memory.ts';
import type { Surroundings } from './surroundings.ts';

/** A driver's queue on a slow link. */
const WRITE_SLOW_MS = 1200;

/** The process that the shards are in, as far as they know it. */
export interface ShardProcess {
  readonly node: string;
  readonly member: Member;
  /** Answers of appends do not arrive. */
  readonly commitsUnanswered: boolean;
  now(): Instant;
  feed(input: MemberInput): void;
}

/** What one process has of its shards, and carries out for them: memory, the way to the journal, and writes to devices. */
export class ProcessShards {
  readonly #process: ShardProcess;
  readonly #around: Surroundings;
  readonly #life: Life;
  readonly #calls: DatabaseCalls;
  #memory = new Map<Shard, ShardMemory>();
  #writes: DeviceWrites;
  #journal: JournalLine;
  #batches = 0;

  constructor(process: ShardProcess, around: Surroundings, life: Life, calls: DatabaseCalls) {
    this.#process = process;
    this.#around = around;
    this.#life = life;
    this.#calls = calls;
    this.#writes = this.#newWrites();
    this.#journal = this.#newJournal();
  }

  /** As a process begins: with nothing. */
  begin(): void {
    this.#memory = new Map();
    this.#writes = this.#newWrites();
    this.#journal = this.#newJournal();
  }

  tick(): void {
    this.#journal.settle();
    for (const [shard, memory] of this.#memory) memory.observe(entitiesOf(shard));
    this.#writes.begin();
  }

  isOpen(shard: Shard, epoch: Epoch): boolean {
    const memory = this.#memory.get(shard);
    return memory?.state === 'open' && memory.epoch === epoch && !!this.#authority(shard);
  }

  request(request: Request): void {
    const memory = this.#memory.get(request.shard);
    if (memory === undefined) request.refused(undefined);
    else if (memory.epoch === request.epoch) memory.take(request);
    else {
      const isNewer = memory.epoch > request.epoch && memory.state === 'open';
      request.refused(isNewer ? { node: this.#process.node, epoch: memory.epoch } : undefined);
    }
  }

  carryOut(effect: Extract<MemberEffect, { shard: Shard }>): void {
    const { database, network, world } = this.#around;
    const { node } = this.#process;
    const { shard, incarnation } = effect;
    const answer = (given: ShardAnswer) =>
      this.#process.feed({ kind: 'shard', at: this.#process.now(), shard, incarnation, answer: given });
    const soon = (ms: number, run: () => void) => this.#life.in(ms, run);
    if (effect.kind === 'claim') {
      this.#calls.ask(
        () => database.claim(shard, node, incarnation, effect.expected),
        (epoch) => answer(epoch === undefined ? { kind: 'claimRefused' } : { kind: 'claimed', epoch }),
      );
      return;
    }
    const { epoch } = effect;
    const owned = { shard, node, incarnation, epoch };
    const memory = this.#memory.get(shard);
    switch (effect.kind) {
      case 'recover':
        this.#journal.read(
          () => database.load(shard),
          ({ rows, pending }) => this.#loaded(shard, epoch, rows, pending, answer),
          () => answer({ kind: 'recoveryFailed', epoch, reason: 'the database did not answer' }),
        );
        return;
      case 'open':
        if (memory?.epoch === epoch) memory.state = 'open';
        for (const client of CLIENTS)
          network.send(node, client, () => this.#around.announce(client, shard, { node, epoch }));
        return;
      case 'suspend':
      case 'resume':
        return;
      case 'mark':
        this.#calls.ask(
          () => database.mark(owned, effect.as, effect.target),
          (done) => answer(done ? { kind: 'marked', epoch } : { kind: 'notOwner', epoch }),
        );
        return;
      case 'drain':
        if (memory) memory.state = 'moving';
        if (memory?.idle !== false) soon(0, () => answer({ kind: 'drained', epoch }));
        return;
      case 'flush':
        memory?.refuseWaiting();
        this.#flush(shard, epoch, () => soon(world.random.between(1, 30), () => answer({ kind: 'flushed', epoch })));
        return;
      case 'release':
        this.#calls.ask(
          () => database.release(owned, effect.target),
          (done) => answer(done ? { kind: 'released', epoch } : { kind: 'notOwner', epoch }),
        );
        return;
      case 'hint':
        network.send(node, effect.to, () => this.#around.processOf(effect.to)?.hint(shard, epoch));
        return;
      case 'halt':
        memory?.stop();
        this.#memory.delete(shard);
        soon(world.random.between(0, 50), () => answer({ kind: 'halted', epoch }));
        return;
    }
  }

  #loaded(
    shard: Shard,
    epoch: Epoch,
    rows: readonly JournalRow[],
    pending: readonly JournalRow[],
    answer: (given: ShardAnswer) => void,
  ): void {
    const phase = this.#process.member.shards[shard]?.phase;
    // Given up meanwhile, or read twice.
    if (phase?.kind !== 'recovering' || phase.epoch !== epoch) return;
    this.#memory.set(shard, new ShardMemory(shard, epoch, rows, this.#hostOf(), this.#around.sabotage));
    for (const row of pending) this.#begin(row, epoch);
    answer({ kind: 'recovered', epoch });
  }

  #flush(shard: Shard, epoch: Epoch, flushed: () => void): void {
    const memory = this.#memory.get(shard);
    if (memory?.epoch !== epoch) {
      flushed();
      return;
    }
    if (memory.committing) {
      this.#life.in(20, () => this.#flush(shard, epoch, flushed));
      return;
    }
    memory.stop();
    this.#memory.delete(shard);
    flushed();
  }

  #hostOf(): ShardHost {
    const { database } = this.#around;
    return {
      authority: (shard) => this.#authority(shard),
      commit: (turn) => this.#journal.commit(turn),
      answerOf: (commandId, then, failed) => this.#journal.read(() => database.byCommand.get(commandId), then, failed),
      history: (entity, then, failed) => this.#journal.read(() => database.events(entity), then, failed),
      reading: (entity, place) => this.#around.readings.after(entity, place),
      unrecorded: () => this.#around.checker.sawUnrecorded(),
      nowMs: () => this.#process.now().wallMs,
      later: (run) => this.#life.in(TIMES.retryMs, run),
      committed: (turn) => this.#begin(turn, turn.epoch),
      fenced: (shard, epoch, reason) => {
        const { incarnation } = this.#process.member.lease;
        this.#process.feed({
          kind: 'shard',
          at: this.#process.now(),
          shard,
          incarnation,
          answer: { kind: 'fenced', epoch, reason },
        });
      },
      idle: (shard, epoch) => {
        if (this.#memory.get(shard)?.state !== 'moving') return;
        const { incarnation } = this.#process.member.lease;
        this.#process.feed({
          kind: 'shard',
          at: this.#process.now(),
          shard,
          incarnation,
          answer: { kind: 'drained', epoch },
        });
      },
    };
  }

  #newJournal(): JournalLine {
    const { database, checker, network, sabotage, world } = this.#around;
    return new JournalLine({
      sabotage,
      database,
      writer: () => ({ node: this.#process.node, incarnation: this.#process.member.lease.incarnation }),
      // Now and then it waits for a connection, and leaves though the process has slept since.
      call: (call) => this.#calls.call({ ...call, leavesInMs: network.connectionMs() }),
      hears: () => !this.#process.commitsUnanswered,
      isAway: () => world.random.chance(0.8),
      batch: () => `${this.#process.node}.${this.#batches++}`,
      soon: (run) => this.#life.in(0, run),
      judged: (answers) => {
        if (answers?.some(({ kind }) => kind === 'fenced')) checker.sawFence();
      },
      answered: (turn, answer) => this.#memoryOf(turn)?.answered(turn, answer),
      unknown: (turn) => this.#memoryOf(turn)?.unknown(turn),
      found: (turn) => {
        // Under another epoch it was among what was pending when the shard was read.
        if (this.#memoryOf(turn)) this.#begin(turn, turn.epoch);
      },
    });
  }

  /** The memory that a turn is of. */
  #memoryOf({ entity, epoch }: Turn): ShardMemory | undefined {
    const memory = this.#memory.get(shardOfEntity(entity));
    return memory?.epoch === epoch ? memory : undefined;
  }

  /** Begins what an event leads to. */
  #begin(turn: Turn, epoch: Epoch): void {
    if (!turn.command.writes) return;
    this.#around.checker.began(`${this.#process.node} ${this.#life.number} ${epoch}`, turn);
    this.#writes.add(turn);
    this.#writes.begin();
  }

  #authority(shard: Shard) {
    const at = this.#process.now();
    if (!this.#around.sabotage.noDeadline) return authorityAt(this.#process.member, shard, at, TIMES);
    const phase = this.#process.member.shards[shard]?.phase;
    if (phase?.kind !== 'open' && phase?.kind !== 'suspended') return undefined;
    return { shard, epoch: phase.epoch, deadline: after(at, 1e9) };
  }

  #newWrites(): DeviceWrites {
    const { world, checker, database, network, sabotage } = this.#around;
    return new DeviceWrites({
      sabotage,
      now: () => this.#process.now(),
      epochInMemory: (shard) => this.#memory.get(shard)?.epoch,
      authority: (shard) => (this.#memory.get(shard)?.state === 'loaded' ? undefined : this.#authority(shard)),
      later: (run) => this.#life.in(world.random.between(1, WRITE_SLOW_MS), run),
      write: (turn, epoch) => {
        checker.wrote(this.#process.node, turn, epoch);
        network.line(this.#process.node, 'db', () => database.settle(turn.command.commandId));
      },
    });
  }
}

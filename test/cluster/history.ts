import assert from 'node:assert/strict';
import type { JournalEntry } from '../../runtime/journal.ts';
import type { Ask, CounterReply } from './cell-of-counters.ts';
import { Added } from './counter-shards.ts';

export interface Asked extends Ask {
  readonly sentMs: number;
  answeredMs: number | undefined;
  answer: { readonly seq: number; readonly total: number } | undefined;
}

/** What clients sent and were told, to be held against the journal when all is over. */
export class History {
  readonly asked = new Map<string, Asked>();

  sent(ask: Ask): void {
    if (this.asked.has(ask.commandId)) return;
    this.asked.set(ask.commandId, { ...ask, sentMs: performance.now(), answeredMs: undefined, answer: undefined });
  }

  answered(commandId: string, reply: CounterReply): void {
    const asked = this.asked.get(commandId);
    assert.ok(asked && reply.ok);
    if (asked.answer !== undefined) {
      assert.deepEqual(reply.result, asked.answer, `${commandId} was answered in two ways`);
      return;
    }
    asked.answeredMs = performance.now();
    asked.answer = reply.result;
  }

  get acknowledged(): number {
    return [...this.asked.values()].filter(({ answer }) => answer !== undefined).length;
  }

  /**
   * Throws with what is wrong: an acknowledged command that is not there just once with just this answer, a history with a
   * hole or a wrong sum, an epoch that falls, or a command behind one that was sent after its answer.
   */
  check(rows: readonly JournalEntry[]): void {
    const byCommand = new Map<string, JournalEntry>();
    const heads = new Map<string, { seq: number; total: number }>();
    const epochs = new Map<number, number>();
    for (const row of rows) {
      const { entity, seq, shard, epoch, commandId, event } = row;
      const head = heads.get(entity) ?? { seq: 0, total: 0 };
      const { amount, total } = Added.parse(event);
      assert.equal(seq, head.seq + 1, `${entity}: a hole in the history`);
      assert.equal(total, head.total + amount, `${entity} #${seq}: decided on a state that was not its own`);
      heads.set(entity, { seq, total });
      assert.ok(epoch >= (epochs.get(shard) ?? 0), `shard ${shard}: a record of epoch ${epoch} below the fence`);
      epochs.set(shard, epoch);
      assert.ok(commandId !== null && !byCommand.has(commandId), `${commandId} stands in the journal twice`);
      byCommand.set(commandId, row);
    }
    for (const { commandId, entity, answer } of this.asked.values()) {
      if (answer === undefined) continue;
      const row = byCommand.get(commandId);
      assert.ok(row, `${commandId} was acknowledged and is lost`);
      assert.deepEqual([row.entity, row.seq, Added.parse(row.event).total], [entity, answer.seq, answer.total]);
    }
    for (const commandId of byCommand.keys()) assert.ok(this.asked.has(commandId), `nobody sent ${commandId}`);
    this.#checkRealTime(byCommand);
  }

  /** Who was answered before another was sent stands before it: together with one order for each entity, linearizable. */
  #checkRealTime(byCommand: ReadonlyMap<string, JournalEntry>): void {
    for (const all of grouped([...this.asked.values()]).values()) {
      let highestAnswered = 0;
      const answers = all.filter(({ answer }) => answer !== undefined).sort(byAnswer);
      let next = 0;
      for (const { commandId, sentMs } of [...all].sort((a, b) => a.sentMs - b.sentMs)) {
        for (let first = answers[next]; first && (first.answeredMs ?? 0) < sentMs; first = answers[++next])
          highestAnswered = Math.max(highestAnswered, first.answer?.seq ?? 0);
        const row = byCommand.get(commandId);
        if (row)
          assert.ok(row.seq > highestAnswered, `${commandId} stands before what was answered before it was sent`);
      }
    }
  }
}

function byAnswer(a: Asked, b: Asked): number {
  return (a.answeredMs ?? 0) - (b.answeredMs ?? 0);
}

function grouped(all: readonly Asked[]): Map<string, Asked[]> {
  const groups = new Map<string, Asked[]>();
  for (const asked of all) groups.set(asked.entity, [...(groups.get(asked.entity) ?? []), asked]);
  return groups;
}

/**
 * Goal: a journal that is away for a while stops nobody for good: entities come back by themselves, soon after it does, and
 * health says both. An entity that crashes by itself stays stopped when its restarts are spent, until somebody restarts it.
 * Method: a node on real storage whose journal fails while the test says so; many more failures than the crash budget.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CommandId, entityId } from '../../runtime/ids.ts';
import type { Journal } from '../../runtime/journal.ts';
import type { Node } from '../../runtime/node.ts';
import type { Population } from '../../runtime/population.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode, type TestStorage } from '../support/engine.ts';
import { tallies, tallyKind } from '../support/tally.ts';
import { tempDir } from '../support/temp-dir.ts';

const { dir, remove } = tempDir('outage');
let storage: TestStorage;
before(async () => {
  storage = await openStorage(dir);
});
after(async () => {
  await storage.close();
  remove();
});

/** The real journal, but for the time that it is away. */
class FailingJournal {
  away = false;
  failures = 0;
  readonly journal: Journal;

  constructor(journal: Journal) {
    const failing = <Args extends readonly unknown[], Answer>(work: (...args: Args) => Promise<Answer>) => {
      return (...args: Args): Promise<Answer> => {
        if (!this.away) return work(...args);
        this.failures++;
        return Promise.reject(new Error('disk I/O error'));
      };
    };
    this.journal = {
      ...journal,
      append: failing((batch) => journal.append(batch)),
      answered: failing((entity, commandId) => journal.answered(entity, commandId)),
      events: failing((entity, afterSeq) => journal.events(entity, afterSeq)),
      snapshot: failing((entity) => journal.snapshot(entity)),
      saveSnapshots: failing((snapshots) => journal.saveSnapshots(snapshots)),
    };
  }
}

/** Few restarts, a long budget: a failure too much stops an entity for the rest of the test. */
function population(...names: string[]): Population {
  const ids = names.map((name) => entityId('tally', name));
  const supervision = { minBackoffMs: 1, maxBackoffMs: 20, maxRestarts: 3, withinMs: 600_000 };
  return { ...tallies(ids), kinds: [{ ...tallyKind, supervision }] };
}

let commands = 0;
function ask(node: Node, name: string, command: object) {
  const commandId = CommandId.parse(`outage-${++commands}`);
  const by = { user: 'test', via: 'http' } as const;
  return node.ask(entityId('tally', name), command, { commandId, by, permissions: ['*'], timeoutMs: 20_000 });
}
const add = (node: Node, name: string) => ask(node, name, { kind: 'Add', amount: 1 });
const partOf = (node: Node, name: string) => node.health().parts.find((part) => part.name === name);

test('entities outlast a journal that is away, come back when it answers, and so does health', async () => {
  const failing = new FailingJournal(storage.journal);
  const names = ['a', 'b', 'c'];
  const node = await startNode({ ...storage, journal: failing.journal }, population(...names));
  try {
    failing.away = true;
    for (const reply of await Promise.all(names.map((name) => add(node, name)))) {
      assert.equal(!reply.ok && reply.code, 'UNAVAILABLE');
    }
    await until('each was tried again more often than a crash is forgiven', () => failing.failures > 40, 20_000);
    for (const name of names) assert.equal(node.entity(entityId('tally', name))?.status === 'stopped', false);
    assert.equal(partOf(node, 'journal')?.status, 'unhealthy');
    assert.match(partOf(node, 'journal')?.detail ?? '', /disk I\/O error/);
    assert.match(partOf(node, 'entities')?.detail ?? '', /3 wait for a store/);
    const refused = await add(node, 'a');
    assert.match(refused.ok ? '' : refused.message, /the journal did not answer: disk I\/O error/);

    failing.away = false;
    await until(
      'all are live again',
      () => names.every((name) => node.entity(entityId('tally', name))?.status === 'live'),
      20_000,
    );
    await until('health is whole again', () => node.health().status === 'healthy', 20_000);
    for (const name of names) assert.equal((await add(node, name)).ok, true);
  } finally {
    await node.halt();
  }
});

test('entities with a long pause before them come back as soon as the journal answers anybody', async () => {
  const failing = new FailingJournal(storage.journal);
  const supervision = { minBackoffMs: 600_000, maxBackoffMs: 600_000, maxRestarts: 3, withinMs: 600_000 };
  const kinds = [{ ...tallyKind, supervision }];
  const node = await startNode({ ...storage, journal: failing.journal }, { ...population('d'), kinds });
  try {
    failing.away = true;
    assert.equal((await add(node, 'd')).ok, false);
    assert.equal(node.entity(entityId('tally', 'd'))?.status, 'waiting');
    failing.away = false;
    await until('it is live', () => node.entity(entityId('tally', 'd'))?.status === 'live', 20_000);
    assert.equal((await add(node, 'd')).ok, true);
  } finally {
    await node.halt();
  }
});

test('an entity that spent its restarts on its own crashes is named, and somebody can restart it', async () => {
  const node = await startNode(storage, population('e'));
  const id = entityId('tally', 'e');
  try {
    assert.equal((await add(node, 'e')).ok, true);
    const running = await node.restart(id);
    assert.equal(!running.ok && running.code, 'INVALID_STATE_TRANSITION');
    for (let crash = 0; crash < 4; crash++) {
      await until('it is live', () => node.entity(id)?.status === 'live', 20_000);
      assert.equal((await ask(node, 'e', { kind: 'Break' })).ok, false);
    }
    assert.equal(node.entity(id)?.status, 'stopped');
    assert.equal(node.health().status, 'degraded');
    assert.match(partOf(node, 'entities')?.detail ?? '', /stopped until somebody restarts them: tally\/e/);
    const refused = await add(node, 'e');
    assert.match(refused.ok ? '' : refused.message, /stopped until somebody restarts it: broken on purpose/);

    assert.deepEqual(await node.restart(id), { ok: true });
    const reply = await add(node, 'e');
    assert.deepEqual(reply.ok && reply.result, { total: 2 }, 'its history is there');
    assert.equal(node.health().status, 'healthy');
    const nobody = await node.restart(entityId('tally', 'nobody'));
    assert.equal(!nobody.ok && nobody.code, 'NOT_FOUND');
  } finally {
    await node.halt();
  }
});

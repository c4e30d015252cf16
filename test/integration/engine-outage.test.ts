/**
 * Goal: a journal that is away for a while stops nobody: entities observe and decide without it, show that with a mark, and
 * record it once and as they decided it when it is back; commands are refused; health says both. An entity that crashes by
 * itself stays stopped when its restarts are spent, until somebody restarts it.
 * Method: a node on real storage whose journal fails while the test says so, before or after it did what it was asked.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CommandId, type EntityId, entityId } from '../../runtime/ids.ts';
import type { Journal } from '../../runtime/journal.ts';
import type { Node } from '../../runtime/node.ts';
import type { Population } from '../../runtime/population.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode, type TestStorage } from '../support/engine.ts';
import { LEVEL, tallies, tallyKind } from '../support/tally.ts';
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

/** The real journal, but for the time that it is away. It goes with the next turn of `last`, which it has and says nothing of. */
class FailingJournal {
  away = false;
  last: EntityId | undefined;
  /** It commits, and has no room for snapshots. */
  noSnapshots = false;
  failures = 0;
  appends = 0;
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
      append: failing(async (batch) => {
        this.appends++;
        const appended = await journal.append(batch);
        if (!batch.some(({ entity }) => entity === this.last)) return appended;
        this.away = true;
        throw new Error('no answer');
      }),
      answered: failing((entity, commandId) => journal.answered(entity, commandId)),
      events: failing((entity, afterSeq) => journal.events(entity, afterSeq)),
      snapshot: failing((entity) => journal.snapshot(entity)),
      saveSnapshots: failing((snapshots) =>
        this.noSnapshots ? Promise.reject(new Error('no room')) : journal.saveSnapshots(snapshots),
      ),
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

const id = (name: string) => entityId('tally', name);
const statusOf = (node: Node, name: string) => node.entity(id(name))?.status;
const viewOf = (node: Node, name: string) => node.live.cell(id(name))?.view;
const kindsOf = async (name: string, after = 0) =>
  (await storage.journal.events(id(name), after)).map(({ kind }) => kind);

/** A reading that is as much of a level as it says. */
const observed = (node: Node, name: string, value: number) =>
  node.ingest(id(name), { gatewayTimeMs: Date.now(), value });

test('commands are refused while the journal is away, nothing is done, and nobody needs to be built again', async () => {
  const failing = new FailingJournal(storage.journal);
  const names = ['a', 'b', 'c'];
  const node = await startNode({ ...storage, journal: failing.journal }, population(...names));
  try {
    failing.away = true;
    const [first] = await Promise.all([add(node, 'a')]);
    assert.equal(first && !first.ok && first.code, 'UNAVAILABLE');
    // It was sent, and may have been carried out.
    assert.match(first && !first.ok ? first.message : '', /^the outcome is not known: .*disk I\/O error/);
    assert.equal(partOf(node, 'journal')?.status, 'unhealthy');
    assert.match(partOf(node, 'journal')?.detail ?? '', /^away since .*: disk I\/O error; .* commands are refused$/);
    for (const name of ['b', 'c', 'a']) {
      const refused = await add(node, name);
      assert.equal(!refused.ok && refused.code, 'UNAVAILABLE');
      assert.match(refused.ok ? '' : refused.message, /^nothing can be recorded now/);
    }
    assert.deepEqual([statusOf(node, 'b'), statusOf(node, 'c')], ['live', 'live']);

    failing.away = false;
    await until('all are live', () => names.every((name) => statusOf(node, name) === 'live'), 20_000);
    await until('health is whole again', () => node.health().status === 'healthy', 20_000);
    for (const name of names) assert.equal((await add(node, name)).ok, true);
    for (const name of names) assert.equal((await kindsOf(name)).filter((kind) => kind === 'Added').length, 1);
  } finally {
    await node.halt();
  }
});

test('what is decided without the journal is shown with a mark, told to nobody, and recorded once as it was decided', async () => {
  const failing = new FailingJournal(storage.journal);
  const node = await startNode({ ...storage, journal: failing.journal }, population('o'));
  try {
    assert.equal((await add(node, 'o')).ok, true);
    await until('its reminder is through', async () => (await kindsOf('o')).length === 2);
    const heardBefore = (await kindsOf('neighbour')).length;
    failing.away = true;
    const outsetMs = Date.now();
    await observed(node, 'o', LEVEL);
    await until('it is shown', () => viewOf(node, 'o')?.props?.level === 1);
    assert.equal(statusOf(node, 'o'), 'unrecorded');
    const sinceMs = Number(viewOf(node, 'o')?.notRecorded?.sinceMs);
    assert.ok(sinceMs >= outsetMs && sinceMs <= Date.now());
    // It goes on: newest values, further decisions, what is due by time.
    await observed(node, 'o', 3);
    await observed(node, 'o', LEVEL);
    await until('it goes on', () => viewOf(node, 'o')?.props?.level === 2 && viewOf(node, 'o')?.values?.sum === 23);
    assert.equal(viewOf(node, 'o')?.notRecorded?.sinceMs, sinceMs);
    assert.match(partOf(node, 'entities')?.detail ?? '', /1 go on without the journal/);
    const refused = await add(node, 'o');
    assert.match(
      refused.ok ? '' : refused.message,
      /^nothing can be recorded now: the journal did not answer: disk I\/O error; repeat/,
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal((await kindsOf('neighbour')).length, heardBefore, 'nobody is told');
    const saved = await storage.journal.snapshot(id('o'));
    assert.ok((saved?.seq ?? 0) <= 2, 'nothing of it is saved');

    failing.away = false;
    await until('it is on record', () => statusOf(node, 'o') === 'live', 20_000);
    await until('the mark is gone', () => viewOf(node, 'o')?.notRecorded === undefined);
    const rows = await storage.journal.events(id('o'), 2);
    assert.deepEqual(
      rows.map(({ kind, seq }) => [kind, seq]),
      [
        ['LevelReached', 3],
        ['LevelReached', 4],
      ],
    );
    for (const { timeMs } of rows) assert.ok(timeMs >= outsetMs && timeMs <= sinceMs + 300, 'with the time of then');
    await until('and told, each once', async () => (await kindsOf('neighbour')).length === heardBefore + 2);
    assert.equal((await add(node, 'o')).ok, true);
  } finally {
    await node.halt();
  }
});

test('a decision that the journal has without having said so is not recorded twice, nor is what follows it lost', async () => {
  const failing = new FailingJournal(storage.journal);
  const node = await startNode({ ...storage, journal: failing.journal }, population('p'));
  try {
    const heardBefore = (await kindsOf('neighbour')).length;
    failing.last = id('p');
    await observed(node, 'p', LEVEL);
    await until('it is shown', () => viewOf(node, 'p')?.props?.level === 1);
    assert.equal(statusOf(node, 'p'), 'unrecorded');
    assert.deepEqual(await kindsOf('p'), ['LevelReached']);
    await observed(node, 'p', LEVEL);
    await until('it goes on', () => viewOf(node, 'p')?.props?.level === 2);
    failing.last = undefined;
    failing.away = false;
    await until('it is on record', () => statusOf(node, 'p') === 'live', 20_000);
    assert.deepEqual(await kindsOf('p'), ['LevelReached', 'LevelReached']);
    await until('and told, each once', async () => (await kindsOf('neighbour')).length === heardBefore + 2);
  } finally {
    await node.halt();
  }
});

test('a command that was carried out after all comes before what was decided without it', async () => {
  const failing = new FailingJournal(storage.journal);
  const node = await startNode({ ...storage, journal: failing.journal }, population('q'));
  try {
    failing.last = id('q');
    const unknown = await add(node, 'q');
    assert.match(unknown.ok ? '' : unknown.message, /^the outcome is not known/);
    await observed(node, 'q', LEVEL);
    await until('it goes on', () => viewOf(node, 'q')?.props?.level === 1);
    assert.equal(viewOf(node, 'q')?.props?.total, 0);
    failing.last = undefined;
    failing.away = false;
    await until('it is on record', () => statusOf(node, 'q') === 'live', 20_000);
    await until('all of it', async () => (await kindsOf('q')).length === 3);
    assert.deepEqual((await kindsOf('q')).toSorted(), ['Added', 'LevelReached', 'Reminded']);
    assert.equal((await kindsOf('q'))[0], 'Added');
    await until('it shows both', () => viewOf(node, 'q')?.props?.total === 1 && viewOf(node, 'q')?.props?.level === 1);
  } finally {
    await node.halt();
  }
});

test('a journal that commits and takes no snapshots is said to be so, and commands are carried out', async () => {
  const failing = new FailingJournal(storage.journal);
  const node = await startNode({ ...storage, journal: failing.journal }, population('n'));
  try {
    failing.noSnapshots = true;
    assert.equal((await add(node, 'n')).ok, true);
    await until('health says so', () => partOf(node, 'journal')?.status === 'degraded', 20_000);
    assert.match(partOf(node, 'journal')?.detail ?? '', /^commits, but takes no snapshots for \d+ s: no room$/);
    assert.equal((await add(node, 'n')).ok, true);
    failing.noSnapshots = false;
    await until('it is whole again', () => partOf(node, 'journal')?.status === 'healthy', 20_000);
  } finally {
    await node.halt();
  }
});

test('what an entity decided is recorded in order and in one go, not one commit after the other', async () => {
  const failing = new FailingJournal(storage.journal);
  const kind = { ...tallyKind, effects: () => [] };
  const node = await startNode({ ...storage, journal: failing.journal }, { ...population('s'), kinds: [kind] });
  try {
    failing.away = true;
    for (let level = 1; level <= 30; level++) await observed(node, 's', LEVEL);
    await until('all are shown', () => viewOf(node, 's')?.props?.level === 30);
    failing.appends = 0;
    failing.away = false;
    await until('they are on record', () => statusOf(node, 's') === 'live', 20_000);
    assert.equal(failing.appends, 1);
    const rows = await storage.journal.events(id('s'), 0);
    assert.deepEqual(
      rows.map(({ seq, event }) => [seq, (event as { level: number }).level]),
      Array.from({ length: 30 }, (_, at) => [at + 1, at + 1]),
    );
    for (const [at, { timeMs }] of rows.entries()) assert.ok(timeMs >= (rows[at - 1]?.timeMs ?? 0));
  } finally {
    await node.halt();
  }
});

test('more than is kept is decided again from the log in order, and many turns to a commit', async () => {
  const failing = new FailingJournal(storage.journal);
  const kind = { ...tallyKind, effects: () => [] };
  const node = await startNode({ ...storage, journal: failing.journal }, { ...population('t'), kinds: [kind] });
  try {
    failing.away = true;
    for (let level = 1; level <= 500; level++) await observed(node, 't', LEVEL);
    await until('all are shown', () => viewOf(node, 't')?.props?.level === 500);
    failing.appends = 0;
    failing.away = false;
    await until('they are on record', () => statusOf(node, 't') === 'live', 20_000);
    // Thirty-two turns each.
    assert.equal(failing.appends, 16);
    const rows = await storage.journal.events(id('t'), 0);
    assert.deepEqual(
      rows.map(({ seq, event }) => [seq, (event as { level: number }).level]),
      Array.from({ length: 500 }, (_, at) => [at + 1, at + 1]),
    );
    assert.equal(viewOf(node, 't')?.notRecorded, undefined);
  } finally {
    await node.halt();
  }
});

test('more than is kept is decided again from the log, and so is what a crash took along', async () => {
  const failing = new FailingJournal(storage.journal);
  let node = await startNode({ ...storage, journal: failing.journal }, population('r'));
  const levels = async () =>
    (await storage.journal.events(id('r'), 0)).map(({ event }) => (event as { level: number }).level);
  try {
    failing.away = true;
    for (let level = 1; level <= 40; level++) await observed(node, 'r', LEVEL);
    await until('all are shown', () => viewOf(node, 'r')?.props?.level === 40);
    failing.away = false;
    await until('they are on record', () => statusOf(node, 'r') === 'live', 20_000);
    await until('all of them', async () => (await levels()).at(-1) === 40);
    assert.deepEqual(
      await levels(),
      Array.from({ length: 40 }, (_, at) => at + 1),
    );

    failing.away = true;
    await observed(node, 'r', LEVEL);
    await until('it is shown', () => viewOf(node, 'r')?.props?.level === 41);
    await node.halt();
    failing.away = false;
    node = await startNode({ ...storage, journal: failing.journal }, population('r'));
    await until('it is on record', async () => (await levels()).at(-1) === 41, 20_000);
    assert.equal((await levels()).length, 41);
  } finally {
    await node.halt();
  }
});

test('an entity that spent its restarts on its own crashes is named, and somebody can restart it', async () => {
  const node = await startNode(storage, population('e'));
  const e = id('e');
  try {
    assert.equal((await add(node, 'e')).ok, true);
    const running = await node.restart(e);
    assert.equal(!running.ok && running.code, 'INVALID_STATE_TRANSITION');
    for (let crash = 0; crash < 4; crash++) {
      await until('it is live', () => node.entity(e)?.status === 'live', 20_000);
      assert.equal((await ask(node, 'e', { kind: 'Break' })).ok, false);
    }
    assert.equal(node.entity(e)?.status, 'stopped');
    assert.equal(node.health().status, 'degraded');
    assert.match(partOf(node, 'entities')?.detail ?? '', /stopped until somebody restarts them: tally\/e/);
    const refused = await add(node, 'e');
    assert.match(refused.ok ? '' : refused.message, /stopped until somebody restarts it: broken on purpose/);

    assert.deepEqual(await node.restart(e), { ok: true });
    const reply = await add(node, 'e');
    assert.deepEqual(reply.ok && reply.result, { total: 2 }, 'its history is there');
    assert.equal(node.health().status, 'healthy');
    const nobody = await node.restart(entityId('tally', 'nobody'));
    assert.equal(!nobody.ok && nobody.code, 'NOT_FOUND');
  } finally {
    await node.halt();
  }
});

/**
 * Goal: what a checkpoint saves is never ahead of the log, and never counted as saved before the journal has it.
 * Method: a kind that remembers what it let through, as devices do; appends to the log are held back, or saving fails once.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { z } from 'zod';
import type { ActorKind } from '../../runtime/actor-kind.ts';
import { CommandId, entityId } from '../../runtime/ids.ts';
import type { Snapshot } from '../../runtime/journal.ts';
import type { TelemetryLog } from '../../runtime/log.ts';
import type { Population } from '../../runtime/population.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode, type TestStorage } from '../support/engine.ts';
import { tallies } from '../support/tally.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Reading {
  readonly gatewayTimeMs: number;
  readonly value: number;
}

/** Takes each value once. */
const onceKind: ActorKind<{ newest: number }, never, never, Reading, Reading, null> = {
  name: 'once',
  command: z.never(),
  permission: () => 'tally:add',
  initial: () => ({ newest: 0 }),
  decide: () => ({ ok: true, events: [] }),
  evolve: (state) => state,
  admit(state, input) {
    if (input.value <= state.newest) {
      return { observation: null, rejected: [{ code: 'DUPLICATE', reason: 'had it', body: null }] };
    }
    state.newest = input.value;
    return { observation: input, rejected: [] };
  },
  observe(state, { value }) {
    state.newest = Math.max(state.newest, value);
    return [];
  },
  view: ({ newest }) => ({ values: { newest } }),
};

const ONCE = entityId('once', 'a');
const ONCES: Population = {
  kinds: [onceKind],
  residents: [ONCE],
  definitionOf: (id) => (id === ONCE ? null : undefined),
  followersOf: () => [],
  watchersOf: () => [],
};
const ASK = { by: { user: 'test', via: 'http' } as const, permissions: ['*'] };

let commands = 0;
let temp: ReturnType<typeof tempDir>;
let storage: TestStorage;
beforeEach(async () => {
  temp = tempDir('checkpoint');
  storage = await openStorage(temp.dir);
});
afterEach(async () => {
  await storage.close();
  temp.remove();
});

function deferred() {
  let resolve = () => {};
  let reject = (_: unknown) => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Nobody may be waiting yet when it is made to fail.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

/** A log whose appends wait until they are let go, or made to fail. */
function heldLog(log: TelemetryLog) {
  const gate = deferred();
  const held: TelemetryLog = {
    append: (records) => gate.promise.then(() => log.append(records)),
    read: (after, limit) => log.read(after, limit),
    end: () => log.end(),
    begin: () => log.begin(),
    trim: (options) => log.trim(options),
    close: () => log.close(),
  };
  return { log: held, release: gate.resolve, fail: gate.reject };
}

/** Runs a reading and its second delivery against a log that does not answer yet. */
async function deliverTwice() {
  const { log, release, fail } = heldLog(storage.log);
  const node = await startNode(storage, ONCES, { storage: { ...storage, log }, checkpointIntervalMs: 60_000 });
  const outcomes: string[] = [];
  const deliver = () =>
    node.ingest(ONCE, { gatewayTimeMs: Date.now(), value: 1 }).then(
      () => outcomes.push('taken'),
      () => outcomes.push('refused'),
    );
  const snapshots: (Snapshot | undefined)[] = [];
  const deliveries = Promise.all([deliver(), deliver()]);
  node.entity(ONCE)?.post({ kind: 'snapshot', upTo: 0, take: (snapshot) => snapshots.push(snapshot) });
  // The command waits behind them in the mailbox, so by its answer they have been looked at.
  const commandId = CommandId.parse(`c${++commands}`);
  await node.ask(ONCE, { kind: 'Break' }, { ...ASK, commandId });
  assert.deepEqual([outcomes, snapshots], [[], []], 'nothing is told and nothing saved before the log has it');
  return { node, deliveries, outcomes, snapshots, release, fail };
}

test('a snapshot and the answer to a duplicate wait for the log', async () => {
  const { node, deliveries, outcomes, snapshots, release } = await deliverTwice();
  release();
  await deliveries;
  await until('the snapshot is handed out', () => snapshots.length === 1);
  assert.deepEqual(outcomes, ['taken', 'taken']);
  assert.ok(snapshots[0]);
  assert.equal(await storage.log.end(), 1);
  await node.stop();
});

test('when the log refuses a reading, its duplicate is refused too and no snapshot remembers it', async () => {
  const { node, deliveries, outcomes, snapshots, fail } = await deliverTwice();
  fail(new Error('the disk is full'));
  await deliveries;
  await until('the snapshot is handed out', () => snapshots.length === 1);
  assert.deepEqual(outcomes, ['refused', 'refused']);
  assert.equal(snapshots[0], undefined);
  await node.halt();
  const next = await startNode(storage, ONCES);
  await next.ingest(ONCE, { gatewayTimeMs: Date.now(), value: 1 });
  assert.equal(await storage.log.end(), 1, 'delivered again, it is taken');
  await next.stop();
});

test('what the log refused while its entity was committing is neither saved nor taken for logged', async () => {
  const { log, fail } = heldLog(storage.log);
  const gate = deferred();
  const { journal } = storage;
  const append: typeof journal.append = (...batch) => gate.promise.then(() => journal.append(...batch));
  const held = { ...storage, log, journal: { ...journal, append } };
  const kinds = [{ ...onceKind, command: z.object({ kind: z.literal('Note') }) }];
  const node = await startNode(storage, { ...ONCES, kinds }, { storage: held, checkpointIntervalMs: 60_000 });
  const deliver = () =>
    node.ingest(ONCE, { gatewayTimeMs: Date.now(), value: 1 }).then(
      () => 'taken',
      () => 'refused',
    );
  const first = deliver();
  const commandId = CommandId.parse(`c${++commands}`);
  const asked = node.ask(ONCE, { kind: 'Note' }, { ...ASK, commandId });
  // Both wait behind the commit, and before the order to build it again.
  const second = deliver();
  const snapshots: (Snapshot | undefined)[] = [];
  node.entity(ONCE)?.post({ kind: 'snapshot', upTo: 0, take: (snapshot) => snapshots.push(snapshot) });
  fail(new Error('the disk is full'));
  assert.equal(await first, 'refused');
  gate.resolve();
  await asked;
  assert.equal(await second, 'refused');
  await until('the snapshot is handed out', () => snapshots.length === 1);
  assert.equal(snapshots[0], undefined);
  await node.halt();
});

test('a snapshot that could not be saved is taken again, though its entity has been quiet since', async () => {
  const [quiet, busy] = [entityId('tally', 'quiet'), entityId('tally', 'busy')];
  let failures = 0;
  let saves = 0;
  const saveSnapshots = async (snapshots: readonly Snapshot[]) => {
    if (failures === 0 && snapshots.some(({ entity }) => entity === quiet)) {
      failures++;
      throw new Error('the database is locked');
    }
    await storage.journal.saveSnapshots(snapshots);
    if (failures > 0) saves++;
  };
  const journal = { ...storage.journal, saveSnapshots };
  const node = await startNode({ ...storage, journal }, tallies([quiet, busy]), { checkpointIntervalMs: 10 });
  await node.ingest(quiet, { gatewayTimeMs: Date.now(), value: 4 });
  await until('later checkpoints are saved', async () => {
    await node.ingest(busy, { gatewayTimeMs: Date.now(), value: 0 });
    return failures === 1 && saves > 2;
  });
  await node.halt();
  const next = await startNode(storage, tallies([quiet, busy]));
  next.live.flush();
  assert.equal(next.live.cell(quiet)?.view.values?.sum, 4);
  await next.stop();
});

test('an entity whose snapshot cannot be read is built from the journal', async () => {
  const broken = entityId('tally', 'broken');
  const node = await startNode(storage, tallies([broken]), { checkpointIntervalMs: 60_000 });
  const commandId = CommandId.parse(`c${++commands}`);
  assert.ok((await node.ask(broken, { kind: 'Add', amount: 7 }, { ...ASK, commandId })).ok);
  await node.stop();
  // A text of fifty letters that are not there.
  const state = new Uint8Array([0xd9, 50]);
  await storage.journal.saveSnapshots([{ entity: broken, seq: 1000, logPosition: 1000, timeMs: 0, state }]);
  const next = await startNode(storage, tallies([broken]));
  next.live.flush();
  assert.equal(next.live.cell(broken)?.view.props?.total, 7);
  await next.stop();
});

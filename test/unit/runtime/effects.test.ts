import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import type { Effect } from '../../../runtime/actor-kind.ts';
import { EffectRunner, type Outlet, type OutletCall } from '../../../runtime/effects.ts';
import { type EntityId, entityId } from '../../../runtime/ids.ts';
import type { PendingEffect } from '../../../runtime/journal.ts';
import type { Json } from '../../../runtime/json.ts';
import type { DeadLetter } from '../../../runtime/log.ts';
import type { Reply } from '../../../runtime/runtime.ts';
import { until } from '../../support/condition.ts';
import { MemoryJournal } from '../../support/memory-runtime.ts';

class SettlingJournal extends MemoryJournal {
  readonly settled: number[] = [];
  override async settle(effects: readonly { readonly seq: number }[] = []): Promise<void> {
    this.settled.push(...effects.map(({ seq }) => seq));
  }
}

const SOURCE = entityId('asset', 'pump-1');
const OK: Reply = { ok: true, result: null, repeated: false };

function runnerOf(
  outlets: Readonly<Record<string, Outlet>>,
  answer: (to: EntityId, command: Json) => Reply = () => OK,
  epochOf: () => number | undefined = () => 1,
  heldUnder: () => number | undefined = epochOf,
) {
  const journal = new SettlingJournal();
  const told: string[] = [];
  const letters: DeadLetter[] = [];
  const runner = new EffectRunner({
    journal,
    outlets,
    ask: async (to, command) => {
      told.push(`${to} ${JSON.stringify(command)}`);
      return answer(to, command);
    },
    epochOf,
    heldUnder,
    deadLetter: (letter) => letters.push(letter),
    now: () => 0,
  });
  let seq = 0;
  const begin = (effect: Effect) => {
    const pending: PendingEffect = { entity: SOURCE, seq: ++seq, index: 0, effect: { ...effect } };
    runner.begin(pending);
  };
  return { runner, journal, told, letters, begin };
}

const tell = (name: string, command: Json): Effect => ({ kind: 'tell', to: entityId('work-order', name), command });
const post = (url: string): Effect => ({ kind: 'out', port: 'webhook', body: { url } });

/** Fails for one address, as one that refuses connections. */
const failing: Outlet = Object.assign(
  async (body: Json) => {
    if (JSON.stringify(body).includes('dead')) throw new Error('connect ECONNREFUSED');
  },
  { destinationOf: (body: Json) => JSON.stringify(body) },
);

test('an address that does not answer delays neither other addresses nor what other entities are told', async () => {
  const { runner, journal, told, begin } = runnerOf({ webhook: failing });
  begin(post('http://dead/'));
  begin(tell('WO-1', 'create'));
  begin(post('http://alive/'));
  await until('the others are done', () => journal.settled.length === 2);
  assert.deepEqual(told, ['work-order/WO-1 "create"']);
  assert.deepEqual(journal.settled.toSorted(), [2, 3]);
  assert.equal(runner.pending, 1);
  await runner.stop();
});

test('what one entity tells another arrives in order, also when the first is refused for a while', async () => {
  let refusals = 2;
  const { runner, told, journal, begin } = runnerOf({}, (to) =>
    to.endsWith('WO-1') && refusals-- > 0 ? { ok: false, code: 'UNAVAILABLE', message: 'not now' } : OK,
  );
  for (const command of ['first', 'second', 'third']) begin(tell('WO-1', command));
  await until('all are told', () => journal.settled.length === 3, 20_000);
  assert.deepEqual(
    told,
    ['first', 'first', 'first', 'second', 'third'].map((command) => `work-order/WO-1 "${command}"`),
  );
  await runner.stop();
});

test('a stop wakes a pause, gives up what is under way and leaves it to the journal', async () => {
  let calls = 0;
  const hanging: Outlet = (_, { signal }) => {
    calls++;
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  const { runner, journal, letters, begin } = runnerOf({ hanging, webhook: failing });
  begin({ kind: 'out', port: 'hanging', body: null });
  begin(post('http://dead/'));
  begin({ kind: 'out', port: 'hanging', body: null });
  await until('one is under way', () => calls === 1);
  const startedMs = performance.now();
  await runner.stop();
  assert.ok(performance.now() - startedMs < 1000, 'nothing was waited for');
  assert.deepEqual(journal.settled, []);
  assert.deepEqual(letters, [], 'nothing is known to have failed');
  assert.equal(calls, 1, 'nothing more was begun');
});

test('an outlet that does not hear of the stop is waited for a moment and then left, and settles nothing later', async () => {
  let end = () => {};
  const deaf: Outlet = () => new Promise((resolve) => (end = resolve));
  const { runner, journal, begin } = runnerOf({ deaf });
  begin({ kind: 'out', port: 'deaf', body: null });
  await until('it is under way', () => runner.pending === 1);
  const startedMs = performance.now();
  await runner.stop();
  assert.ok(performance.now() - startedMs < 4000);
  end();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(journal.settled, []);
});

test('who may not act for an entity of its own for now carries nothing out, and gives nothing up', async () => {
  let epoch: number | undefined;
  let calls = 0;
  const count: Outlet = async () => {
    calls++;
  };
  const mayAct = () => epoch;
  const { runner, journal, told, letters, begin } = runnerOf({ count }, undefined, mayAct, () => 3);
  begin({ kind: 'out', port: 'count', body: null });
  begin(tell('WO-1', 'create'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([calls, told, letters, journal.settled], [0, [], [], []]);
  epoch = 3;
  await until('once it is ours it is done', () => journal.settled.length === 2);
  assert.equal(calls, 1);
  await runner.stop();
});

test('however many wait for leave to act, they wait together', async () => {
  let epoch: number | undefined = 1;
  let signal: AbortSignal | undefined;
  const webhook: Outlet = Object.assign(
    async (_body: Json, call: OutletCall) => {
      signal = call.signal;
    },
    { destinationOf: (body: Json) => JSON.stringify(body) },
  );
  const { runner, journal, begin } = runnerOf(
    { webhook },
    undefined,
    () => epoch,
    () => 1,
  );
  begin(post('http://first/'));
  await until('it is done', () => journal.settled.length === 1);
  epoch = undefined;
  for (let n = 0; n < 500; n++) begin(post(`http://${n}/`));
  await until('all wait', () => runner.pending === 500 && signal !== undefined);
  await new Promise((resolve) => setImmediate(resolve));
  // Whoever pauses listens to the stop.
  const pauses = signal ? getEventListeners(signal, 'abort').length : Number.NaN;
  assert.ok(pauses === 1, `${pauses} pauses`);
  epoch = 1;
  await until('all are done', () => journal.settled.length === 501);
  await runner.stop();
});

test('what was begun for an entity that has gone to another node is left to the journal, where its new owner finds it', async () => {
  let held: number | undefined = 3;
  const { runner, journal, told, letters, begin } = runnerOf(
    {},
    () => ({ ok: false, code: 'UNAVAILABLE', message: 'not now' }),
    () => held,
  );
  begin(tell('WO-1', 'create'));
  begin(tell('WO-1', 'close'));
  await until('one was tried', () => told.length === 1);
  held = 5;
  await until('nothing is left here', () => runner.pending === 0);
  assert.deepEqual([told.length, letters, journal.settled], [1, [], []]);
  await runner.stop();
});

test('an outlet can ask at any moment whether it may still act under its epoch', async () => {
  let epoch: number | undefined = 1;
  const answers: boolean[] = [];
  const asking: Outlet = async (_, { mayAct }) => {
    for (const next of [1, undefined, 2]) {
      epoch = next;
      answers.push(mayAct());
    }
  };
  const { runner, begin } = runnerOf({ asking }, undefined, () => epoch);
  begin({ kind: 'out', port: 'asking', body: null });
  await until('it has asked', () => answers.length === 3);
  assert.deepEqual(answers, [true, false, false]);
  await runner.stop();
});

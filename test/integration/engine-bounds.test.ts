/**
 * Goal: behind a commit that hangs nothing queues without limit, and what is not taken is told to its sender; an input that
 * an actor's own code cannot take is kept for people to see.
 * Method: a node on real storage; a journal whose appends wait until the test lets them go.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { INPUT_CAPACITY } from '../../runtime/entity/queue.ts';
import { codeOf } from '../../runtime/errors.ts';
import { CommandId, entityId } from '../../runtime/ids.ts';
import type { Journal } from '../../runtime/journal.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode, type TestStorage } from '../support/engine.ts';
import { tallies, tallyKind } from '../support/tally.ts';
import { tempDir } from '../support/temp-dir.ts';

const { dir, remove } = tempDir('bounds');
let storage: TestStorage;
before(async () => {
  storage = await openStorage(dir);
});
after(async () => {
  await storage.close();
  remove();
});

const ID = entityId('tally', 'a');
const reading = (value: number) => ({ gatewayTimeMs: Date.now(), value });

test('inputs, notes and views behind a commit that hangs are bounded, refused with a code or replaced, and counted', async () => {
  let go = () => {};
  let hanging = false;
  const gate = new Promise<void>((resolve) => (go = resolve));
  const append: Journal['append'] = async (batch) => {
    hanging = true;
    await gate;
    return storage.journal.append(batch);
  };
  const metrics = createMetrics();
  const node = await startNode({ ...storage, journal: { ...storage.journal, append } }, tallies([ID]), { metrics });
  try {
    const by = { user: 'test', via: 'http' } as const;
    const options = { commandId: CommandId.parse('hangs'), by, permissions: ['*'], timeoutMs: 60_000 };
    const asked = node.ask(ID, { kind: 'Add', amount: 1 }, options);
    await until('the commit hangs', () => hanging);
    const refusals: unknown[] = [];
    const inputs = Array.from({ length: INPUT_CAPACITY + 10 }, () =>
      node.ingest(ID, reading(0)).catch((error: unknown) => void refusals.push(codeOf(error))),
    );
    for (let note = 0; note < 1000; note++) node.note(ID, note);
    await until('the rest is refused', () => refusals.length === 10);
    assert.ok(refusals.every((code) => code === 'OVERLOADED'));
    assert.ok((node.entity(ID)?.waiting ?? 0) <= INPUT_CAPACITY + 5);
    go();
    assert.equal((await asked).ok, true);
    await Promise.all(inputs);
    const text = await metrics.registry.metrics();
    assert.match(text, /signalbox_mailbox_refused_total\{message="input"\} 10/);
    assert.match(text, /signalbox_mailbox_replaced_total\{message="note"\} 999/);
  } finally {
    go();
    await node.halt();
  }
});

test('an input that crashes its actor is in the dead letters, with what was wrong', async () => {
  const kind: typeof tallyKind = {
    ...tallyKind,
    admit(state, input, turn) {
      if (input.value === 13) throw new Error('thirteen is too much');
      return tallyKind.admit?.(state, input, turn) ?? { observation: null, rejected: [] };
    },
  };
  const node = await startNode(storage, { ...tallies([ID]), kinds: [kind] });
  try {
    const bad = reading(13);
    await node.ingest(ID, bad);
    await until('it is kept', async () => (await storage.deadLetters.query({ limit: 1 })).length === 1, 20_000);
    const [letter] = await storage.deadLetters.query({ limit: 1 });
    assert.equal(letter?.code, 'CRASHED');
    assert.equal(letter?.reason, 'thirteen is too much');
    assert.deepEqual(letter?.body, bad);
  } finally {
    await node.halt();
  }
});

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { CommandId, entityId } from '../../runtime/ids.ts';
import type { Append, Journal } from '../../runtime/journal.ts';
import { turn } from './storage-support.ts';

/** A journal whose shards are all claimed, what claims them again for another process, and what opens it again. */
export interface OpenJournal {
  readonly journal: Journal;
  readonly epoch: number;
  /** Another process takes all shards; answers with its epoch. */
  claimAgain(): Promise<number>;
  /** Closes it in good order and opens it under the same epoch. */
  reopen(): Promise<Journal>;
  /** What may come before it goes on from a copy: a start of whatever serves the database. Answers with the epoch then. */
  serveAgain(): Promise<number>;
}

const pump = entityId('asset', 'pump-1');
const valve = entityId('asset', 'valve-1');

/** What every journal has to do, whatever database is behind it. */
export function journalContract(
  name: string,
  open: (t: TestContext) => Promise<OpenJournal>,
  options: { readonly skip: string | false } = { skip: false },
): void {
  const contract = (what: string, run: (opened: OpenJournal, t: TestContext) => Promise<void>) =>
    test(`${name}: ${what}`, options, async (t) => run(await open(t), t));

  contract('events come back in order, with everything that was written', async ({ journal, epoch }) => {
    const appended = await journal.append([
      turn(pump, 1, { epoch, kinds: ['AlarmRaised', 'AlarmAcknowledged'], commandId: 'c-1', logPosition: 17 }),
      turn(valve, 1, { epoch }),
    ]);
    assert.deepEqual(appended, [
      { kind: 'committed', firstPosition: 1 },
      { kind: 'committed', firstPosition: 3 },
    ]);
    const events = await journal.events(pump, 0);
    assert.deepEqual(events[1], {
      position: 2,
      entity: pump,
      seq: 2,
      shard: 0,
      epoch,
      commandId: 'c-1',
      kind: 'AlarmAcknowledged',
      event: { kind: 'AlarmAcknowledged', n: 1 },
      timeMs: 1001,
      by: { user: 'tester', via: 'http' },
      logPosition: 17,
      before: { n: null },
      after: { n: 1 },
    });
    assert.deepEqual(
      (await journal.events(pump, 1)).map((event) => event.seq),
      [2],
    );
    assert.equal(await journal.end(), 3);
  });

  contract('a command id that was decided is answered again and writes nothing', async ({ journal, epoch }) => {
    await journal.append([turn(pump, 1, { epoch, commandId: 'c-1' })]);
    const [again] = await journal.append([turn(pump, 2, { epoch, commandId: 'c-1', answer: { done: 'differently' } })]);
    assert.deepEqual(again, { kind: 'repeated', answer: { done: 'c-1' } });
    assert.equal((await journal.events(pump, 0)).length, 1);
    assert.deepEqual(await journal.answered(pump, CommandId.parse('c-1')), {
      answer: { done: 'c-1' },
      commandHash: 'the same',
    });
    assert.equal(await journal.answered(valve, CommandId.parse('c-1')), undefined);
    const [other] = await journal.append([turn(valve, 1, { epoch, commandId: 'c-1' })]);
    assert.equal(other?.kind, 'committed', 'another entity may use the same id');
  });

  contract('a command id that was decided for another command is said to be so, and writes nothing', async (opened) => {
    const { journal, epoch } = opened;
    await journal.append([turn(pump, 1, { epoch, commandId: 'c-1' })]);
    const other = turn(pump, 2, { epoch, commandId: 'c-1', commandHash: 'another' });
    assert.deepEqual(await journal.append([other]), [{ kind: 'reused' }]);
    assert.equal((await journal.events(pump, 0)).length, 1);
    assert.equal((await journal.answered(pump, CommandId.parse('c-1')))?.commandHash, 'the same');
    const batch = [
      turn(pump, 2, { epoch, commandId: 'c-2' }),
      turn(pump, 3, { epoch, commandId: 'c-2', commandHash: 'x' }),
    ];
    assert.deepEqual(
      (await journal.append(batch)).map((answer) => answer.kind),
      ['committed', 'reused'],
    );
  });

  contract('a command of which no hash was kept is answered again, whatever comes under its id', async (opened) => {
    const { journal, epoch } = opened;
    await journal.append([turn(pump, 1, { epoch, commandId: 'c-1', commandHash: null })]);
    const [again] = await journal.append([turn(pump, 2, { epoch, commandId: 'c-1', commandHash: 'new' })]);
    assert.deepEqual(again, { kind: 'repeated', answer: { done: 'c-1' } });
  });

  contract('a command id repeated within one batch is decided once', async ({ journal, epoch }) => {
    const batch = [turn(pump, 1, { epoch, commandId: 'c-1' }), turn(pump, 2, { epoch, commandId: 'c-1' })];
    assert.deepEqual(
      (await journal.append(batch)).map((answer) => answer.kind),
      ['committed', 'repeated'],
    );
  });

  contract('a turn without events remembers its answer', async ({ journal, epoch }) => {
    const quiet = turn(pump, 1, { epoch, kinds: [], commandId: 'c-1', answer: 'nothing to do' });
    assert.equal((await journal.append([quiet]))[0]?.kind, 'committed');
    assert.deepEqual(await journal.append([quiet]), [{ kind: 'repeated', answer: 'nothing to do' }]);
    assert.equal(await journal.end(), 0);
    assert.deepEqual(await journal.entities(), []);
    assert.equal((await journal.append([turn(pump, 1, { epoch })]))[0]?.kind, 'committed');
  });

  contract('an owner with an older epoch is fenced, and the others of its batch are not', async (opened) => {
    const { journal, epoch } = opened;
    await journal.append([turn(pump, 1, { epoch })]);
    const next = await opened.claimAgain();
    assert.ok(next > epoch);
    const answers = await journal.append([turn(pump, 2, { epoch }), turn(valve, 1, { epoch: next })]);
    assert.deepEqual(
      answers.map((answer) => answer.kind),
      ['fenced', 'committed'],
    );
    assert.equal((await journal.events(pump, 0)).length, 1);
    assert.equal((await journal.append([turn(pump, 2, { epoch: next })]))[0]?.kind, 'committed');
  });

  contract('a sequence number that is taken, or comes too early, is fenced', async ({ journal, epoch }) => {
    const answers = await journal.append([
      turn(pump, 1, { epoch, kinds: ['A', 'B'] }),
      turn(pump, 2, { epoch, kinds: ['Late'] }),
      turn(pump, 4, { epoch, kinds: ['Early'] }),
      turn(pump, 3, { epoch, kinds: ['C'] }),
    ]);
    assert.deepEqual(
      answers.map((answer) => answer.kind),
      ['committed', 'fenced', 'fenced', 'committed'],
    );
    assert.deepEqual(
      (await journal.events(pump, 0)).map((event) => event.kind),
      ['A', 'B', 'C'],
    );
  });

  contract('effects wait in the order of their commit until they are settled', async (opened) => {
    const { journal, epoch } = opened;
    await journal.append([
      turn(valve, 1, { epoch, effects: ['first', 'second'] }),
      turn(pump, 1, { epoch, kinds: ['A', 'B'], effects: ['third'] }),
    ]);
    await journal.settle([{ entity: valve, seq: 1, index: 0 }]);
    const reopened = await opened.reopen();
    assert.deepEqual(await reopened.pendingEffects(), [
      { entity: valve, seq: 1, index: 1, effect: 'second' },
      { entity: pump, seq: 1, index: 0, effect: 'third' },
    ]);
    await reopened.settle(await reopened.pendingEffects());
    assert.deepEqual(await reopened.pendingEffects(), []);
  });

  contract('a fenced or repeated turn leaves no effect', async ({ journal, epoch }) => {
    await journal.append([turn(pump, 1, { epoch, commandId: 'c-1' })]);
    await journal.append([
      turn(pump, 2, { epoch, commandId: 'c-1', effects: ['again'] }),
      turn(pump, 9, { epoch, effects: ['too early'] }),
    ]);
    assert.deepEqual(await journal.pendingEffects(), []);
  });

  contract('a snapshot never goes back', async ({ journal }) => {
    const snapshot = (seq: number, logPosition: number) => ({
      entity: pump,
      seq,
      logPosition,
      timeMs: 5,
      state: new Uint8Array([seq, logPosition]),
    });
    await journal.saveSnapshots([snapshot(2, 20)]);
    await journal.saveSnapshots([snapshot(1, 30)]);
    await journal.saveSnapshots([snapshot(3, 10)]);
    assert.deepEqual(await journal.snapshot(pump), snapshot(2, 20));
    await journal.saveSnapshots([snapshot(2, 25)]);
    assert.deepEqual(await journal.snapshot(pump), snapshot(2, 25));
    assert.equal(await journal.snapshot(valve), undefined);
  });

  contract('a snapshot that is a view of a larger buffer keeps its own bytes alone', async ({ journal }) => {
    const pool = new Uint8Array(4096).fill(9);
    await journal.saveSnapshots([
      { entity: pump, seq: 1, logPosition: 1, timeMs: 1, state: pool.subarray(10, 13) },
      { entity: valve, seq: 1, logPosition: 1, timeMs: 1, state: pool.subarray(13, 14) },
    ]);
    assert.deepEqual((await journal.snapshot(pump))?.state, new Uint8Array([9, 9, 9]));
    assert.equal(pool.length, 4096, 'the caller keeps its buffer');
  });

  contract('many entities are restored at once, each from its snapshot and what came after it', async (opened) => {
    const { journal, epoch } = opened;
    const fan = entityId('asset', 'Fan.1_x-2');
    const unknown = entityId('asset', 'unknown');
    await journal.append([
      turn(pump, 1, { epoch, kinds: ['A', 'B', 'C'], logPosition: 7, by: { user: 'ann', via: 'websocket' } }),
      turn(valve, 1, { epoch, kinds: ['A', 'B'] }),
      turn(fan, 1, { epoch, kinds: ['A'] }),
    ]);
    await journal.append([turn(pump, 4, { epoch, kinds: ['D'], timeMs: 5000 })]);
    const state = new Uint8Array([1, 0, 255]);
    await journal.saveSnapshots([
      { entity: pump, seq: 2, logPosition: 9, timeMs: 5, state },
      { entity: valve, seq: 2, logPosition: 4, timeMs: 6, state: new Uint8Array([2]) },
    ]);
    const restored = await journal.restore([fan, unknown, valve, pump, pump]);
    assert.deepEqual(new Set(restored.keys()), new Set([fan, unknown, valve, pump]));
    assert.deepEqual(restored.get(pump), {
      snapshot: { entity: pump, seq: 2, logPosition: 9, timeMs: 5, state },
      events: [
        {
          seq: 3,
          event: { kind: 'C', n: 2 },
          timeMs: 1001,
          by: { user: 'ann', via: 'websocket' },
          logPosition: 7,
        },
        { seq: 4, event: { kind: 'D', n: 0 }, timeMs: 5000, by: { user: 'tester', via: 'http' }, logPosition: 0 },
      ],
    });
    assert.deepEqual([restored.get(valve)?.snapshot?.seq, restored.get(valve)?.events], [2, []]);
    assert.deepEqual([restored.get(fan)?.snapshot, restored.get(fan)?.events.map(({ seq }) => seq)], [undefined, [1]]);
    assert.deepEqual(restored.get(unknown), { snapshot: undefined, events: [] });
    assert.equal((await journal.restore([])).size, 0);
  });

  contract('restoring a thousand entities gives each its own', async ({ journal, epoch }) => {
    const ids = Array.from({ length: 1000 }, (_, n) => entityId('asset', `tank-${n}`));
    await journal.append(
      ids.map((id, n) => turn(id, 1, { epoch, kinds: n % 3 === 0 ? ['A', 'B'] : ['A'], logPosition: n })),
    );
    await journal.saveSnapshots(
      ids
        .filter((_, n) => n % 2 === 0)
        .map((entity) => ({ entity, seq: 1, logPosition: 1, timeMs: 1, state: new TextEncoder().encode(entity) })),
    );
    const restored = await journal.restore(ids);
    for (const [n, id] of ids.entries()) {
      const { snapshot, events = [] } = restored.get(id) ?? {};
      assert.equal(snapshot && new TextDecoder().decode(snapshot.state), n % 2 === 0 ? id : undefined);
      const all = n % 3 === 0 ? [1, 2] : [1];
      assert.deepEqual(
        events.map(({ seq, logPosition }) => [seq, logPosition]),
        all.filter((seq) => n % 2 === 1 || seq > 1).map((seq) => [seq, n]),
      );
    }
  });

  contract('a query filters, pages and turns the order round', async ({ journal, epoch }) => {
    for (let seq = 1; seq <= 6; seq++) {
      const by = { user: seq % 2 === 0 ? 'ann' : 'bob', via: 'websocket' } as const;
      await journal.append([turn(pump, seq, { epoch, kinds: [seq <= 3 ? 'Low' : 'High'], timeMs: seq * 100, by })]);
    }
    const positions = async (query: Parameters<Journal['query']>[0]) =>
      (await journal.query(query)).map((entry) => entry.position);
    assert.deepEqual(await positions({ limit: 2 }), [1, 2]);
    assert.deepEqual(await positions({ limit: 2, newestFirst: true }), [6, 5]);
    assert.deepEqual(await positions({ limit: 9, after: 2, before: 5 }), [3, 4]);
    assert.deepEqual(await positions({ limit: 9, kinds: ['High'], user: 'ann' }), [4, 6]);
    assert.deepEqual(await positions({ limit: 9, fromMs: 200, toMs: 400 }), [2, 3]);
    assert.deepEqual(await positions({ limit: 9, entity: valve }), []);
    assert.deepEqual(await positions({ limit: 9, kinds: [] }), []);
  });

  contract('entities are listed, all or of one kind', async ({ journal, epoch }) => {
    const order = entityId('work-order', 'WO-1');
    await journal.append([turn(valve, 1, { epoch }), turn(order, 1, { epoch }), turn(pump, 1, { epoch })]);
    assert.deepEqual(await journal.entities(), [pump, valve, order]);
    assert.deepEqual(await journal.entities('work-order'), [order]);
  });

  contract('a retired entity is in no list until it has a new event; its history stays', async ({ journal, epoch }) => {
    await journal.append([turn(pump, 1, { epoch }), turn(valve, 1, { epoch })]);
    await journal.retire(valve, 7);
    assert.deepEqual(await journal.entities(), [pump, valve], 'it has gone on, so it is not at that event');
    await journal.retire(valve, 1);
    await journal.retire(entityId('asset', 'never-was'), 1);
    assert.deepEqual(await journal.entities(), [pump]);
    assert.equal((await journal.events(valve, 0)).length, 1);
    await journal.append([turn(valve, 2, { epoch }), turn(pump, 2, { epoch })]);
    assert.deepEqual(await journal.entities(), [pump, valve]);
  });

  contract('a batch of any size has all of its turns, by positions without a gap', async ({ journal, epoch }) => {
    const batch: Append[] = [];
    for (let index = 0; index < 333; index++)
      batch.push(
        turn(entityId('asset', `a-${index % 111}`), 1 + Math.floor(index / 111), { epoch, commandId: `c-${index}` }),
      );
    const answers = await journal.append(batch);
    assert.deepEqual(
      answers.map((answer) => answer.kind === 'committed' && answer.firstPosition),
      batch.map((_, index) => index + 1),
    );
    assert.equal((await journal.query({ limit: 1000 })).length, 333);
    assert.ok((await journal.append(batch)).every((answer) => answer.kind === 'repeated'));
  });

  contract('whatever is appended, each entity has one history without gaps', async ({ journal, epoch }) => {
    const entities = [pump, valve, entityId('asset', 'fan-1')];
    const heads = new Map(entities.map((entity) => [entity, 0]));
    const known = new Map<string, string>();
    const anyTurn = fc.record({
      entity: fc.constantFrom(...entities),
      offset: fc.constantFrom(0, 0, 0, 0, -1, 1),
      events: fc.integer({ min: 0, max: 3 }),
      command: fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }),
      says: fc.constantFrom('this', 'this', 'that'),
      stale: fc.constantFrom(false, false, false, true),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyTurn, { maxLength: 12 }), async (turns) => {
        // What the heads will be when every turn before it went as it should; the model below is the journal in plain words.
        const batch: Append[] = [];
        const expected: string[] = [];
        for (const { entity, offset, events, command, says, stale } of turns) {
          const head = heads.get(entity) ?? 0;
          const commandId = command === undefined ? undefined : `c-${command}`;
          batch.push(
            turn(entity, head + 1 + offset, {
              epoch: stale ? epoch - 1 : epoch,
              kinds: Array.from({ length: events }, () => 'Moved'),
              ...(commandId !== undefined && { commandId, commandHash: says }),
            }),
          );
          const key = `${entity} ${commandId}`;
          if (stale) expected.push('fenced');
          else if (commandId !== undefined && known.has(key))
            expected.push(known.get(key) === says ? 'repeated' : 'reused');
          else if (offset !== 0) expected.push('fenced');
          else {
            expected.push('committed');
            heads.set(entity, head + events);
            if (commandId !== undefined) known.set(key, says);
          }
        }
        assert.deepEqual(
          (await journal.append(batch)).map((answer) => answer.kind),
          expected,
        );
        for (const [entity, head] of heads) {
          assert.deepEqual(
            (await journal.events(entity, 0)).map((event) => event.seq),
            Array.from({ length: head }, (_, index) => index + 1),
          );
        }
      }),
      { numRuns: 40 },
    );
  });

  contract(
    'what was handed out before a start of the database is of this history, up to where that began',
    async (opened) => {
      const { journal, epoch } = opened;
      const first = await journal.identity();
      await journal.append([turn(pump, 1, { epoch }), turn(pump, 2, { epoch })]);
      assert.equal(await journal.includes(first, 0), true);
      assert.equal(await journal.includes(first, 2), true);
      assert.equal(await journal.includes(first, 3), false, 'nothing was handed out beyond the end');
      const next = await opened.serveAgain();
      const second = await journal.identity();
      assert.notEqual(second, first);
      await journal.append([turn(pump, 3, { epoch: next })]);
      assert.equal(await journal.includes(first, 2), true);
      assert.equal(await journal.includes(first, 3), false, 'whoever saw a third row under it saw another');
      assert.equal(await journal.includes(second, 3), true);
      assert.equal(await journal.includes('another', 1), false);
      const reopened = await opened.reopen();
      assert.equal(await reopened.identity(), second, 'to open it is no start');
    },
  );

  contract('text of any kind is taken, and spoils nothing for the others of its batch', async ({ journal, epoch }) => {
    const text = 'NUL \0, half a pair \ud83d, a backslash \\u0000, "quotes", \u{1f6b0} and ü';
    const odd = turn(pump, 1, {
      epoch,
      commandId: 'ü "1"',
      answer: text,
      by: { user: 'NUL \0 \ud83d', via: 'http' },
      effects: [text],
    });
    const batch = [
      { ...odd, events: [{ kind: 'Said', event: { text }, before: null, after: text }] },
      turn(valve, 1, { epoch }),
    ];
    assert.deepEqual(
      (await journal.append(batch)).map(({ kind }) => kind),
      ['committed', 'committed'],
    );
    const [said] = await journal.events(pump, 0);
    assert.deepEqual([said?.event, said?.after, said?.by.user], [{ text }, text, 'NUL \ufffd \ufffd']);
    assert.deepEqual((await journal.answered(pump, CommandId.parse('ü "1"')))?.answer, text);
    assert.equal((await journal.pendingEffects())[0]?.effect, text);
  });

  contract('effects without an event are refused before anything is written', async ({ journal, epoch }) => {
    await assert.rejects(
      journal.append([turn(valve, 1, { epoch }), turn(pump, 1, { epoch, kinds: [], effects: ['homeless'] })]),
    );
    assert.equal(await journal.end(), 0);
  });
}

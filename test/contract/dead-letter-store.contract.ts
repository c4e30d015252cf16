import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { DeadLetter, DeadLetterQuery, DeadLetterStore } from '../../runtime/log.ts';

export function letter(n: number, given: Partial<DeadLetter> = {}): DeadLetter {
  return {
    timeMs: n,
    stream: 'invalid_telemetry',
    source: 'device/plc-1',
    code: 'OUT_OF_RANGE',
    reason: `reading ${n}`,
    body: { n },
    ...given,
  };
}

/** What every store of dead letters has to do, those of tests included. */
export function deadLetterStoreContract(
  name: string,
  open: (t: TestContext) => Promise<DeadLetterStore>,
  options: { readonly skip: string | false } = { skip: false },
): void {
  const contract = (what: string, run: (store: DeadLetterStore) => Promise<void>) =>
    test(`${name}: ${what}`, options, async (t) => run(await open(t)));

  contract('a letter comes back as it was', async (store) => {
    assert.deepEqual(await store.query({ limit: 9 }), []);
    assert.deepEqual(await store.counts(), {});
    await store.append([]);
    const bodies = [null, 'text', [1, { a: 'ü' }], { deep: { n: 1.5 } }];
    await store.append(bodies.map((body, n) => letter(n, { body })));
    const found = await store.query({ limit: 9 });
    assert.deepEqual(
      found.map(({ id: _, ...kept }) => kept),
      bodies.map((body, n) => letter(n, { body })).reverse(),
    );
    assert.equal(new Set(found.map(({ id }) => id)).size, 4);
  });

  contract('a letter about garbage is kept, as far as there are characters for it', async (store) => {
    await store.append([letter(1, { reason: 'said \0', body: { said: '\0 \ud83d' } }), letter(2)]);
    const [, kept] = await store.query({ limit: 9 });
    assert.match(kept?.reason ?? '', /^said [\0\ufffd]$/);
    assert.deepEqual(kept?.body, { said: '\0 \ud83d' });
  });

  contract('letters are filtered, and the newest come first, page by page', async (store) => {
    await store.append([letter(1), letter(2, { stream: 'effects' }), letter(3, { code: 'UNKNOWN_POINT' })]);
    await store.append([letter(4, { source: 'device/plc-2' })]);
    const numbers = async (query: Partial<DeadLetterQuery>) =>
      (await store.query({ limit: 9, ...query })).map(({ timeMs }) => timeMs);
    assert.deepEqual(await numbers({}), [4, 3, 2, 1]);
    assert.deepEqual(await numbers({ limit: 2 }), [4, 3]);
    assert.deepEqual(await numbers({ stream: 'effects' }), [2]);
    assert.deepEqual(await numbers({ source: 'device/plc-2' }), [4]);
    assert.deepEqual(await numbers({ code: 'UNKNOWN_POINT' }), [3]);
    assert.deepEqual(await numbers({ fromMs: 2, toMs: 4 }), [3, 2], 'from an instant on, and before another');
    assert.deepEqual(await numbers({ source: 'device/plc-1', fromMs: 2, code: 'OUT_OF_RANGE' }), [2]);
    const [, second] = await store.query({ limit: 2 });
    assert.deepEqual(await numbers({ before: second?.id ?? 0 }), [2, 1]);
    assert.deepEqual(await store.counts(), { effects: 1, invalid_telemetry: 3 });
  });

  contract('letters from before an instant are let go of, also all of them', async (store) => {
    await store.append([letter(10), letter(20), letter(30, { stream: 'messages' })]);
    await store.trim(20);
    assert.deepEqual(
      (await store.query({ limit: 9 })).map(({ timeMs }) => timeMs),
      [30, 20],
    );
    assert.deepEqual(await store.counts(), { invalid_telemetry: 1, messages: 1 });
    await store.append([letter(40)]);
    const [newest, next] = await store.query({ limit: 2 });
    assert.ok((newest?.id ?? 0) > (next?.id ?? 0), 'what came last has the highest id still');
    await store.trim(41);
    assert.deepEqual(await store.query({ limit: 9 }), []);
    assert.deepEqual(await store.counts(), {});
  });
}

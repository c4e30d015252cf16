import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { AckWindow, encodePubacks } from '../../../../gateways/mqtt/ack-window.ts';

interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

function deferred(): Deferred {
  let resolve = () => {};
  let reject = (_: Error) => {};
  const promise = new Promise<void>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}

function window(limit = 100) {
  const sent: number[][] = [];
  const failures: unknown[] = [];
  const acks = new AckWindow(
    limit,
    (ids) => sent.push([...ids]),
    (error) => failures.push(error),
  );
  return { acks, sent, failures };
}

/** What was stored takes a turn of the event loop to be noticed and another to be flushed. */
async function flushed(): Promise<void> {
  await turn();
  await turn();
}

describe('the acknowledgement window', () => {
  it('acknowledges in the order of receipt, whatever order the log stores in', async () => {
    const { acks, sent } = window();
    const [a, b, c] = [deferred(), deferred(), deferred()];
    acks.add(1, a.promise);
    acks.add(2, b.promise);
    acks.add(3, c.promise);
    c.resolve();
    b.resolve();
    await flushed();
    assert.deepEqual(sent, []);
    a.resolve();
    await flushed();
    assert.deepEqual(sent, [[1, 2, 3]]);
    assert.equal(acks.size, 0);
  });

  it('sends no acknowledgement for QoS 0, and none ahead of a message before it', async () => {
    const { acks, sent } = window();
    const first = deferred();
    acks.add(null, first.promise);
    acks.add(8, null);
    await flushed();
    assert.deepEqual(sent, []);
    first.resolve();
    await flushed();
    assert.deepEqual(sent, [[8]]);
  });

  it('acknowledges what was stored before a failure, and nothing after it', async () => {
    const { acks, sent, failures } = window();
    const [a, b, c] = [deferred(), deferred(), deferred()];
    acks.add(1, a.promise);
    acks.add(2, b.promise);
    acks.add(3, c.promise);
    c.resolve();
    a.resolve();
    b.reject(new Error('full'));
    await flushed();
    assert.deepEqual(sent.flat(), [1]);
    assert.equal(failures.length, 1);
    acks.add(4, null);
    await flushed();
    assert.deepEqual(sent.flat(), [1]);
  });

  it('lets the sender go on only when there is room', async () => {
    const { acks } = window(2);
    const [a, b] = [deferred(), deferred()];
    let proceeded = 0;
    acks.add(1, a.promise);
    acks.whenRoom(() => proceeded++);
    acks.add(2, b.promise);
    acks.whenRoom(() => proceeded++);
    assert.equal(proceeded, 1);
    b.resolve();
    await flushed();
    assert.equal(proceeded, 1);
    a.resolve();
    await flushed();
    assert.equal(proceeded, 2);
  });

  it('acknowledges every message once and in order, in any order of storing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5), { minLength: 1, maxLength: 200 }), async (turns) => {
        const { acks, sent } = window();
        const stored: Promise<unknown>[] = [];
        turns.forEach((count, id) => {
          const store = async () => {
            for (let i = 0; i < count; i++) await flushed();
          };
          const promise = count === 0 ? null : store();
          acks.add(id, promise);
          if (promise) stored.push(promise);
        });
        await Promise.all(stored);
        await flushed();
        assert.deepEqual(
          sent.flat(),
          turns.map((_, id) => id),
        );
      }),
      { numRuns: 50 },
    );
  });
});

describe('a PUBACK', () => {
  it('is four bytes, the message id last', () => {
    assert.deepEqual([...encodePubacks([1, 0xabcd])], [0x40, 2, 0, 1, 0x40, 2, 0xab, 0xcd]);
  });
});

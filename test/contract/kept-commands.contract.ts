import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { CommandStore, KeptCommand } from '../../runtime/edge/command-store.ts';
import { CommandId, entityId } from '../../runtime/ids.ts';
import type { Reply } from '../../runtime/runtime.ts';

const pump = entityId('asset', 'pump-1');
const done: Reply = { ok: true, result: { n: 1 }, repeated: false };
const expired: Reply = { ok: false, code: 'EXPIRED', message: 'too late' };

function command(id: string, sinceMs: number, more: Partial<KeptCommand> = {}): KeptCommand {
  return {
    cell: 'edge-7',
    key: `${pump} änn ${id}`,
    to: pump,
    command: { kind: 'CommentAlarm', text: 'a "quote"\u0000 and more' },
    commandId: CommandId.parse(id),
    by: { user: 'änn', via: 'http' },
    permissions: ['alarm:ack', '*'],
    sinceMs,
    expiresAtMs: sinceMs + 900_000,
    sent: 0,
    underWayUntilMs: 0,
    ...more,
  };
}

/** Commands that wait for other cells: each is taken by one at a time, and ends once. */
export function keptCommandsContract(
  name: string,
  open: (t: TestContext) => Promise<CommandStore>,
  options: { readonly skip: string | false } = { skip: false },
): void {
  const contract = (what: string, run: (store: CommandStore) => Promise<void>) =>
    test(`${name}: ${what}`, options, async (t) => run(await open(t)));

  contract(
    'what is kept is there as it was, in the order in which it came; a repeat finds the first',
    async (store) => {
      const [later, earlier] = [command('b', 2000), command('a', 1000)];
      assert.deepEqual(await store.keep(later), { ...later, reply: null });
      await store.keep(earlier);
      const repeat = await store.keep({ ...later, sinceMs: 9000, expiresAtMs: 99_000 });
      assert.equal(repeat.sinceMs, 2000, 'its time does not begin anew');
      assert.deepEqual(
        (await store.waiting()).map(({ key }) => key),
        [earlier.key, later.key],
      );
      assert.equal(await store.find('edge-8', later.key), undefined);
    },
  );

  contract('one that several want is taken by one, and by the next when its time to answer is over', async (store) => {
    for (let n = 0; n < 5; n++) await store.keep(command(`c-${n}`, n));
    const taken = await Promise.all(Array.from({ length: 8 }, () => store.claim('edge-7', 1000, 8000)));
    assert.equal(taken.flat().length, 5);
    assert.ok(taken.flat().every(({ sent, underWayUntilMs }) => sent === 1 && underWayUntilMs === 8000));
    assert.deepEqual(await store.claim('edge-7', 7999, 20_000), []);
    await store.giveBack('edge-7', command('c-2', 2).key);
    assert.equal((await store.claim('edge-7', 2000, 8000)).length, 1);
    const again = await store.claim('edge-7', 8000, 20_000);
    assert.deepEqual(
      again.map(({ commandId, sent }) => [commandId, sent]),
      [0, 1, 2, 3, 4].map((n) => [`c-${n}`, n === 2 ? 3 : 2]),
    );
  });

  contract('what is past its time is taken by nobody, nor what is for another cell', async (store) => {
    await store.keep(command('late', 0, { expiresAtMs: 500 }));
    await store.keep(command('other', 0, { cell: 'edge-8' }));
    assert.deepEqual(await store.claim('edge-7', 500, 8000), []);
    assert.equal((await store.waiting()).length, 2);
  });

  contract('the first answer stands, and one that was taken meanwhile does not end as never sent', async (store) => {
    const [a, b] = [command('a', 0), command('b', 1)];
    await store.keep(a);
    await store.keep(b);
    assert.equal(await store.end('edge-7', a.key, done, 5000), true);
    assert.equal(await store.end('edge-7', a.key, expired, 6000), false);
    assert.deepEqual((await store.find('edge-7', a.key))?.reply, done);
    await store.claim('edge-7', 1000, 8000);
    assert.equal(await store.end('edge-7', b.key, expired, 9000, 0), false);
    assert.equal(await store.end('edge-7', b.key, expired, 9000, 1), true);
    assert.deepEqual(await store.waiting(), []);
    await store.trim(6000);
    assert.equal(await store.find('edge-7', a.key), undefined);
    assert.equal((await store.find('edge-7', b.key))?.reply?.ok, false);
  });
}

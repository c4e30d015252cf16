import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CommandDesk } from '../../../../runtime/edge/command-desk.ts';
import { ErrorWithCode } from '../../../../runtime/errors.ts';
import { CommandId, type EntityId, entityId } from '../../../../runtime/ids.ts';
import type { Reply } from '../../../../runtime/runtime.ts';
import { type JournalStore, openJournal } from '../../../../runtime/sql/open.ts';
import { until } from '../../../support/condition.ts';
import { tempDir } from '../../../support/temp-dir.ts';

const pump = entityId('asset', 'pump');
const done: Reply = { ok: true, result: 'done', repeated: false };
const codeOf = (reply: Reply) => (reply.ok ? 'ok' : reply.code);

const temp = tempDir('command-desk');
let database: JournalStore;
let cells = 0;
before(async () => {
  database = await openJournal(temp.dir);
});
after(async () => {
  await database.close();
  temp.remove();
});

/** A desk whose link answers as it is told, and a clock that is set by hand. */
function scene(ttlMs = 60_000, capacity = 10, cell = `edge-${++cells}`) {
  const requests: { cell: string; what: string; body: unknown }[] = [];
  const changed: EntityId[] = [];
  let answer: () => Promise<unknown> = async () => done;
  const clock = { nowMs: 1000 };
  const desk = new CommandDesk({
    cell,
    link: {
      request: (to, what, body) => {
        requests.push({ cell: to, what, body });
        return answer();
      },
    },
    ttlMs: () => ttlMs,
    changed: (ids) => changed.push(...ids),
    store: database.keptCommands,
    now: () => clock.nowMs,
    capacity,
  });
  const ask = (id: string, timeoutMs?: number) =>
    desk.ask(
      pump,
      { kind: 'AcknowledgeAlarm' },
      {
        commandId: CommandId.parse(id),
        by: { user: 'ann', via: 'http' },
        permissions: ['alarm:ack'],
        ...(timeoutMs !== undefined && { timeoutMs }),
      },
    );
  const look = async () =>
    desk.look((await database.keptCommands.waiting()).filter((command) => command.cell === cell));
  return {
    cell,
    desk,
    look,
    clock,
    requests,
    changed,
    ask,
    answers: (next: typeof answer) => {
      answer = next;
    },
  };
}

test('over a link a command is sent at once with who sent it and until when, and answered as the cell answers', async () => {
  const { cell, desk, requests, ask } = scene();
  desk.link(true);
  assert.deepEqual(await ask('a'), done);
  assert.deepEqual(requests, [
    {
      cell,
      what: 'command',
      body: {
        to: pump,
        command: { kind: 'AcknowledgeAlarm' },
        commandId: 'a',
        by: { user: 'ann', via: 'http' },
        permissions: ['alarm:ack'],
        expiresAtMs: 61_000,
      },
    },
  ]);
  assert.equal(desk.size, 0);
});

test('without a link one that may wait is kept and said to be, shown, and sent when the link is back', async () => {
  const { desk, requests, changed, ask } = scene();
  assert.equal(codeOf(await ask('a')), 'PENDING');
  assert.equal(desk.views().get(pump)?.[0]?.state, 'waiting');
  assert.deepEqual(changed, [pump]);
  assert.equal(requests.length, 0);
  const again = ask('a', 5000);
  assert.equal(codeOf(await again), 'PENDING', 'the repeat is told the same');
  desk.link(true);
  await until('it was sent and answered', () => desk.size === 0);
  assert.equal(requests.length, 1);
});

test('an answer that is lost leads to the same command again, and to one answer', async () => {
  const { desk, requests, ask, answers } = scene();
  answers(async () => {
    throw new ErrorWithCode('LINK_TIMEOUT', 'no answer');
  });
  desk.link(true);
  const asked = ask('a', 5000);
  await until('it was tried', () => desk.views().get(pump)?.[0]?.state === 'waiting');
  answers(async () => ({ ...done, repeated: true }));
  desk.tick();
  const reply = await asked;
  assert.ok(reply.ok && reply.repeated);
  assert.equal(requests.length, 2);
  assert.deepEqual(requests[0]?.body, requests[1]?.body);
});

test('one that acts on a device is waited for, and dropped when its seconds are over', async () => {
  const { desk, clock, requests, ask } = scene(5000);
  const asked = ask('write');
  await until('it waits', () => desk.size === 1);
  clock.nowMs += 5000;
  desk.tick();
  assert.equal(codeOf(await asked), 'EXPIRED');

  desk.link(true);
  desk.tick();
  assert.equal(requests.length, 0, 'it never leaves late');
});

test('of one that was sent and not answered nobody says that it was not carried out', async () => {
  const { desk, clock, ask, answers } = scene(5000);
  answers(async () => {
    throw new ErrorWithCode('LINK_TIMEOUT', 'no answer');
  });
  desk.link(true);
  const asked = ask('write');
  await until('it was tried', () => desk.views().get(pump)?.[0]?.state === 'waiting');
  desk.link(false);
  clock.nowMs += 5000;
  desk.tick();
  assert.equal(codeOf(await asked), 'TIMEOUT');
});

test('more than may wait are refused', async () => {
  const { ask } = scene(60_000, 2);
  const codes: string[] = [];
  for (const id of ['a', 'b', 'c']) codes.push(codeOf(await ask(id)));
  assert.deepEqual(codes, ['PENDING', 'PENDING', 'OVERLOADED']);
});

test('one that is kept is sent by a desk that was begun after it, and its end is told at any', async () => {
  const first = scene();
  assert.equal(codeOf(await first.ask('a')), 'PENDING');
  const second = scene(60_000, 10, first.cell);
  await second.look();
  assert.equal(second.desk.views().get(pump)?.[0]?.commandId, 'a', 'it is shown there too');
  second.desk.link(true);
  await until('it was sent', () => second.desk.size === 0);
  assert.equal(second.requests.length, 1);
  assert.equal(Reflect.get(Object(second.requests[0]?.body), 'expiresAtMs'), 61_000, 'its time has not begun anew');
  await until('the other knows', async () => {
    await first.look();
    return first.desk.size === 0;
  });
  const told = await first.ask('a');
  assert.ok(told.ok && told.repeated && told.result === 'done');
  assert.equal(first.requests.length, 0);
});

test('of several desks one sends what is kept, and sends it again where no answer came', async () => {
  const one = scene();
  const other = scene(60_000, 10, one.cell);
  assert.equal(codeOf(await one.ask('a')), 'PENDING');
  await other.look();
  let answer: (reply: Reply) => void = () => undefined;
  one.answers(() => new Promise((resolve) => (answer = resolve)));
  one.desk.link(true);
  await until('one has sent it', () => one.requests.length === 1);
  other.desk.link(true);
  other.desk.tick();
  await other.look();
  other.desk.tick();
  assert.equal(other.requests.length, 0, 'it is under way with the first');
  other.clock.nowMs += 11_000;
  other.desk.tick();
  await until('nothing was heard for too long', () => other.requests.length === 1);
  answer(done);
  await until(
    'it has ended',
    async () => (await database.keptCommands.find(one.cell, `${pump} ann a`))?.reply?.ok === true,
  );
});

test('kept beyond its time it ends where nobody has a link, and stays so', async () => {
  const { desk, clock, look, ask, requests } = scene();
  assert.equal(codeOf(await ask('a')), 'PENDING');
  clock.nowMs += 60_000;
  await look();
  assert.equal(desk.size, 0);
  desk.link(true);
  assert.equal(codeOf(await ask('a')), 'EXPIRED', 'repeating it tells what became of it');
  assert.equal(requests.length, 0);
});

test('what an edge says of a second copy that came too late stands: it knows what became of the first', async () => {
  const { desk, clock, look, ask, answers } = scene();
  desk.link(true);
  answers(async () => {
    throw new ErrorWithCode('LINK_TIMEOUT', 'no answer');
  });
  const asked = ask('a', 50);
  assert.equal(codeOf(await asked), 'PENDING');
  clock.nowMs += 59_000;
  answers(async () => ({ ok: false, code: 'EXPIRED', message: 'its time was over before it could be decided' }));
  await until('it has ended', async () => {
    await look();
    desk.tick();
    return desk.size === 0;
  });
  desk.link(false);
  assert.equal(codeOf(await ask('a')), 'EXPIRED');
});

test('an id that waits for one command is refused for another', async () => {
  const { desk, ask } = scene();
  assert.equal(codeOf(await ask('a')), 'PENDING');
  const options = { commandId: CommandId.parse('a'), by: { user: 'ann', via: 'http' }, permissions: ['*'] } as const;
  assert.equal(codeOf(await desk.ask(pump, { kind: 'SuppressAlarm' }, options)), 'COMMAND_ID_REUSED');
});

test('an id under which a command is on its way is refused for another', async () => {
  const { desk, ask, answers, requests } = scene();
  let answer: (reply: Reply) => void = () => assert.fail();
  answers(() => new Promise((resolve) => (answer = resolve)));
  desk.link(true);
  const first = ask('a');
  await until('it was sent', () => requests.length === 1);
  const options = { commandId: CommandId.parse('a'), by: { user: 'ann', via: 'http' }, permissions: ['*'] } as const;
  assert.equal(codeOf(await desk.ask(pump, { kind: 'SuppressAlarm' }, options)), 'COMMAND_ID_REUSED');
  answer(done);
  assert.deepEqual(await first, done);
  assert.equal(requests.length, 1);
});

test('of two nodes that keep different commands under one id at the same moment one is refused', async () => {
  const one = scene();
  const other = scene(60_000, 10, one.cell);
  const options = { commandId: CommandId.parse('a'), by: { user: 'ann', via: 'http' }, permissions: ['*'] } as const;
  const replies = await Promise.all([one.ask('a'), other.desk.ask(pump, { kind: 'SuppressAlarm' }, options)]);
  assert.deepEqual(replies.map(codeOf).sort(), ['COMMAND_ID_REUSED', 'PENDING']);
});

test('what an actor tells waits for the link, however long that takes', async () => {
  const { desk, clock, requests } = scene();
  const options = {
    commandId: CommandId.parse('rule/r#1.0'),
    by: { user: 'rule/r', via: 'entity' },
    permissions: ['*', 'internal:*'],
  } as const;
  const told = desk.tell(pump, { kind: 'AdoptRule' }, options);
  clock.nowMs += 3_600_000;
  desk.tick();
  assert.equal(requests.length, 0);
  desk.link(true);
  assert.deepEqual(await told, done);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandDesk } from '../../../../runtime/edge/command-desk.ts';
import { ErrorWithCode } from '../../../../runtime/errors.ts';
import { CommandId, type EntityId, entityId } from '../../../../runtime/ids.ts';
import type { Reply } from '../../../../runtime/runtime.ts';
import { until } from '../../../support/condition.ts';

const pump = entityId('asset', 'pump');
const done: Reply = { ok: true, result: 'done', repeated: false };
const codeOf = (reply: Reply) => (reply.ok ? 'ok' : reply.code);

/** A desk whose link answers as it is told, and a clock that is set by hand. */
function scene(ttlMs = 60_000, capacity = 10) {
  const requests: { cell: string; what: string; body: unknown }[] = [];
  const changed: EntityId[] = [];
  let answer: () => Promise<unknown> = async () => done;
  const clock = { nowMs: 1000 };
  const desk = new CommandDesk({
    cell: 'edge-7',
    link: {
      request: (cell, what, body) => {
        requests.push({ cell, what, body });
        return answer();
      },
    },
    ttlMs: () => ttlMs,
    changed: (ids) => changed.push(...ids),
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
  return {
    desk,
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
  const { desk, requests, ask } = scene();
  desk.link(true);
  assert.deepEqual(await ask('a'), done);
  assert.deepEqual(requests, [
    {
      cell: 'edge-7',
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
  const codes = await Promise.all(['a', 'b', 'c'].map((id) => ask(id).then(codeOf)));
  assert.deepEqual(codes, ['PENDING', 'PENDING', 'OVERLOADED']);
});

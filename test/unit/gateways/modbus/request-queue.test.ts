import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation } from '../../../../gateways/modbus/client.ts';
import { type Answer, TIMEOUT } from '../../../../gateways/modbus/failure.ts';
import { RequestQueue } from '../../../../gateways/modbus/request-queue.ts';

const OK: Answer = { ok: true, data: new Uint8Array(2) };
const OPTIONS = { maxInFlight: 1, sendIntervalMs: 0, pauseAfterTimeoutMs: 0, laneCapacity: 10 };

class ScriptedLink {
  readonly sent: { unit: number; address: number; answer: (answer: Answer) => void }[] = [];

  send(unit: number, operation: Operation, answer: (answer: Answer) => void): void {
    this.sent.push({ unit, address: operation.address, answer });
  }

  get order(): string[] {
    return this.sent.map(({ unit, address }) => `${unit}:${address}`);
  }

  answerNext(index: number, answer: Answer = OK): void {
    const sent = this.sent[index];
    assert.ok(sent !== undefined, `request ${index} has not been sent`);
    sent.answer(answer);
  }
}

function read(address: number): Operation {
  return { kind: 'read', area: 'holding', address, count: 1 };
}

function job(address: number, answers: Answer[] = [], retries = 0) {
  return { operation: read(address), retries, done: (answer: Answer) => void answers.push(answer) };
}

test('units take turns however many requests one of them has', () => {
  const link = new ScriptedLink();
  const queue = new RequestQueue(OPTIONS);
  queue.attach(link);
  for (let i = 0; i < 4; i++) queue.read(1, job(i));
  queue.read(2, job(100));
  queue.read(3, job(200));
  for (let i = 0; i < 6; i++) link.answerNext(i);
  assert.deepEqual(link.order, ['1:0', '2:100', '3:200', '1:1', '1:2', '1:3']);
});

test('on a bus only one request is ever in flight', () => {
  const link = new ScriptedLink();
  const queue = new RequestQueue(OPTIONS);
  queue.attach(link);
  for (let unit = 1; unit <= 5; unit++) queue.read(unit, job(unit));
  assert.equal(link.sent.length, 1);
  link.answerNext(0);
  assert.equal(link.sent.length, 2);
});

test('a write goes ahead of every read that waits, of its own and of other units', () => {
  const link = new ScriptedLink();
  const queue = new RequestQueue(OPTIONS);
  queue.attach(link);
  for (let i = 0; i < 3; i++) queue.read(1, job(i));
  queue.read(2, job(100));
  queue.write(1, job(900));
  queue.write(3, job(901));
  for (let i = 0; i < 6; i++) link.answerNext(i);
  assert.deepEqual(link.order, ['1:0', '3:901', '1:900', '2:100', '1:1', '1:2']);
});

test('a time-out is tried again after the others have had their turn', () => {
  const link = new ScriptedLink();
  const queue = new RequestQueue(OPTIONS);
  const answers: Answer[] = [];
  queue.attach(link);
  queue.read(1, job(0, answers, 2));
  queue.read(2, job(100));
  link.answerNext(0, TIMEOUT);
  link.answerNext(1);
  assert.deepEqual(link.order, ['1:0', '2:100', '1:0']);
  link.answerNext(2);
  assert.deepEqual(answers, [OK]);
});

test('a unit that has used up its attempts gets a single one until it answers', () => {
  const link = new ScriptedLink();
  const queue = new RequestQueue(OPTIONS);
  const answers: Answer[] = [];
  queue.attach(link);
  queue.read(1, job(0, answers, 1));
  link.answerNext(0, TIMEOUT);
  link.answerNext(1, TIMEOUT);
  queue.read(1, job(1, answers, 1));
  link.answerNext(2, TIMEOUT);
  assert.deepEqual(answers, [TIMEOUT, TIMEOUT]);
  queue.read(1, job(2, answers, 1));
  link.answerNext(3, OK);
  queue.read(1, job(3, answers, 1));
  link.answerNext(4, TIMEOUT);
  assert.equal(link.sent.length, 6, 'sound again, it is tried twice');
});

test('silent units hold at most half of the places of a link', () => {
  const link = new ScriptedLink();
  const queue = new RequestQueue({ ...OPTIONS, maxInFlight: 4 });
  queue.attach(link);
  for (let unit = 1; unit <= 4; unit++) queue.read(unit, job(unit));
  for (let i = 0; i < 4; i++) link.answerNext(i, TIMEOUT);
  for (let unit = 1; unit <= 4; unit++) queue.read(unit, job(10 + unit));
  assert.deepEqual(link.order.slice(4), ['1:11', '2:12'], 'two of the four silent ones');
  queue.read(7, job(70));
  queue.read(8, job(80));
  assert.deepEqual(link.order.slice(6), ['7:70', '8:80'], 'healthy ones at once');
});

test('each unit has one request in flight even where the link would take more', () => {
  const link = new ScriptedLink();
  const queue = new RequestQueue({ ...OPTIONS, maxInFlight: 8 });
  queue.attach(link);
  for (let i = 0; i < 3; i++) queue.read(1, job(i));
  assert.equal(link.sent.length, 1);
});

test('what waits when the link goes fails unsent and is not sent on the next one', () => {
  const link = new ScriptedLink();
  const queue = new RequestQueue(OPTIONS);
  const answers: Answer[] = [];
  queue.attach(link);
  queue.read(1, job(0));
  queue.write(1, job(1, answers));
  queue.detach();
  assert.deepEqual(answers, [{ ok: false, kind: 'cancelled', code: 'not_connected' }]);
  link.answerNext(0, { ok: false, kind: 'connection_lost' });
  queue.attach(link);
  assert.equal(link.sent.length, 1);
  assert.equal(queue.depth, 0);
});

test('a full lane refuses and a refused request is never sent', async () => {
  const link = new ScriptedLink();
  const queue = new RequestQueue({ ...OPTIONS, laneCapacity: 1 });
  const answers: Answer[] = [];
  queue.attach(link);
  queue.read(1, job(0));
  queue.read(1, { ...job(1, answers), refuse: () => 'deadline_passed' });
  queue.read(1, job(2, answers));
  await Promise.resolve();
  link.answerNext(0);
  await Promise.resolve();
  const codes = answers.map((answer) => (!answer.ok && answer.kind === 'cancelled' ? answer.code : 'sent'));
  assert.deepEqual(codes, ['queue_full', 'deadline_passed']);
  assert.equal(link.sent.length, 1);
});

test('requests keep the pause that an old gateway needs', async () => {
  const link = new ScriptedLink();
  const queue = new RequestQueue({ ...OPTIONS, sendIntervalMs: 30 });
  queue.attach(link);
  queue.read(1, job(0));
  queue.read(1, job(1));
  const answeredAtMs = performance.now();
  link.answerNext(0);
  assert.equal(link.sent.length, 1);
  while (link.sent.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.ok(performance.now() - answeredAtMs >= 29);
});

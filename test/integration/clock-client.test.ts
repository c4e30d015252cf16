/**
 * Goal: the clock of this machine is compared with a time server as well as the network allows, and what cannot be compared is said so.
 * Method: a real UDP server on loopback whose clock is off, which delays, refuses or keeps silent.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { askTime, parseTimeServer } from '../../runtime/clock/client.ts';
import { ClockWatch, clockPart } from '../../runtime/clock/watch.ts';
import { until } from '../support/condition.ts';
import { TimeServer } from '../support/time-server.ts';

const QUICK = { samples: 3, pauseMs: 1, timeoutMs: 2000 };
let server: TimeServer;

before(async () => {
  server = await TimeServer.start(5000);
});
beforeEach(() => {
  server.offsetMs = 5000;
  server.behaviour = 'answers';
  server.delaysMs = [];
  server.questions = 0;
});
after(() => server.close());

const ask = (over: Partial<typeof QUICK> & { signal?: AbortSignal } = {}) =>
  askTime({ host: '127.0.0.1', port: server.port }, { ...QUICK, signal: new AbortController().signal, ...over });

test('a clock that is five seconds behind is found to be so', async () => {
  const answer = await ask();
  assert.ok(answer.ok);
  assert.ok(Math.abs(answer.offsetMs - 5000) < 100, String(answer.offsetMs));
  assert.equal(server.questions, 3);
});

test('of several answers that with the shortest way counts', async () => {
  server.delaysMs = [400, 0, 400];
  const answer = await ask();
  assert.ok(answer.ok);
  // By a slow answer the clock would seem to be off by half of its delay less.
  assert.ok(Math.abs(answer.offsetMs - 5000) < 150, String(answer.offsetMs));
  assert.ok(answer.roundTripMs < 300, String(answer.roundTripMs));
});

test('a server that keeps silent, refuses, is not there or has no name is a fault with its own code', async () => {
  server.behaviour = 'silent';
  const silent = await ask({ samples: 1, timeoutMs: 50 });
  assert.equal(silent.ok || silent.code, 'timeout');
  server.behaviour = 'refuses';
  server.questions = 0;
  const refused = await ask();
  assert.equal(refused.ok || refused.code, 'refused');
  assert.equal(server.questions, 1, 'who is sent away does not ask again');
  const gone = await TimeServer.start(0);
  const { port } = gone;
  await gone.close();
  const nobody = await askTime(
    { host: '127.0.0.1', port },
    { ...QUICK, samples: 1, signal: new AbortController().signal },
  );
  assert.equal(nobody.ok || nobody.code, 'unreachable');
  const nameless = await askTime(
    { host: 'no-such-host.invalid', port },
    { ...QUICK, signal: new AbortController().signal },
  );
  assert.equal(nameless.ok || nameless.code, 'host_not_found');
});

test('a check that is ended does not wait for its answer', async () => {
  server.behaviour = 'silent';
  const stopping = new AbortController();
  const asked = ask({ timeoutMs: 60_000, signal: stopping.signal });
  await until('the question', () => server.questions > 0);
  stopping.abort();
  const answer = await asked;
  assert.equal(answer.ok || answer.code, 'stopped');
});

test('servers are written as host, host and port, or an address in brackets', () => {
  assert.deepEqual(parseTimeServer('ntp.plant'), { host: 'ntp.plant', port: 123 });
  assert.deepEqual(parseTimeServer('10.0.0.1:1123'), { host: '10.0.0.1', port: 1123 });
  assert.deepEqual(parseTimeServer('[fd00::1]:1123'), { host: 'fd00::1', port: 1123 });
  for (const wrong of ['', 'a b', 'ntp:0', 'ntp:70000', 'http://ntp/', 'fd00::1'])
    assert.equal(parseTimeServer(wrong), undefined, wrong);
});

test('the watch checks at the start and again, keeps what it measured when the server falls silent, and says what it knows', async () => {
  const states: string[] = [];
  const watch = new ClockWatch({
    server: { host: '127.0.0.1', port: server.port },
    ask: askTime,
    onState: ({ kind }) => states.push(kind),
    timing: { intervalMs: 20, soonMs: 20, asking: { samples: 1, pauseMs: 1, timeoutMs: 200 } },
  });
  try {
    assert.equal(watch.offByMs, null, 'what is not known is not off');
    watch.start();
    assert.equal(clockPart(watch.state, 'ntp.plant').status, 'not_checked');
    await until('the first check', () => watch.offByMs !== null);
    assert.equal(clockPart(watch.state, 'ntp.plant').status, 'degraded');
    assert.match(clockPart(watch.state, 'ntp.plant').detail, /^\d+ ms behind ntp.plant at /);
    server.behaviour = 'silent';
    await until('the silence', () => watch.state.kind === 'unanswered');
    assert.ok(Math.abs((watch.offByMs ?? 0) - 5000) < 100);
    assert.match(clockPart(watch.state, 'ntp.plant').detail, /no answer.*before: \d+ ms behind/);
    server.behaviour = 'answers';
    server.offsetMs = 0;
    await until('the clock is right again', () => watch.state.kind === 'measured' && watch.offByMs === null);
    assert.equal(clockPart(watch.state, 'ntp.plant').status, 'healthy');
  } finally {
    await watch.stop();
  }
  const { length } = states;
  // Longer than three of its intervals.
  server.delaysMs = new Array<number>(server.questions + 1).fill(70);
  await ask({ samples: 1 });
  assert.equal(states.length, length, 'a stopped watch checks no more');
});

test('a clock that nobody checks is not called healthy', () => {
  const told: string[] = [];
  const watch = new ClockWatch({ server: undefined, ask: askTime, onState: ({ kind }) => told.push(kind) });
  watch.start();
  assert.deepEqual(told, ['not_checked']);
  assert.equal(clockPart(watch.state, undefined).status, 'not_checked');
});

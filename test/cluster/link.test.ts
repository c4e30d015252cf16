import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import pino from 'pino';
import { codeOf, ErrorWithCode } from '../../runtime/errors.ts';
import type { LinkState } from '../../runtime/link.ts';
import { MoleculerLink } from '../../runtime/moleculer/link.ts';
import { until } from '../support/condition.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';

describe('nodes linked by Moleculer over NATS', { skip: noNats }, () => {
  let nats: NatsServer;
  let cells = 0;

  before(async () => {
    nats = await NatsServer.start({ jetStream: false });
  });
  after(() => nats.remove());

  async function linked(t: TestContext, ...names: string[]) {
    const cell = `test-${++cells}`;
    const states: LinkState[] = [];
    const links = names.map(
      (node) =>
        new MoleculerLink({
          node,
          cell,
          nats: { url: nats.url },
          log: pino({ level: 'silent' }),
          changed: (state) => states.push(state),
        }),
    );
    for (const link of links) link.serve('echo', (body, from) => ({ body, from, by: link.node }));
    await Promise.all(links.map((link) => link.start()));
    t.after(() => Promise.all(links.map((link) => link.stop())));
    await until('everybody knows everybody', () =>
      Promise.all(
        links.flatMap((link) =>
          names.filter((name) => name !== link.node).map((name) => link.request(name, 'echo', 1, 500)),
        ),
      ).then(
        () => true,
        () => false,
      ),
    );
    const [a, b] = links;
    assert.ok(a && b);
    return { a, b, links, states };
  }

  const refusal = (promise: Promise<unknown>) =>
    promise.then(
      (value) => assert.fail(`answered ${JSON.stringify(value)}`),
      (error: unknown) => codeOf(error),
    );

  test('a request is answered by the node that it names, and knows who asked', async (t) => {
    const { a, b } = await linked(t, 'a', 'b', 'c');
    assert.deepEqual(await a.request('b', 'echo', { n: [1, null] }, 5000), {
      body: { n: [1, null] },
      from: 'a',
      by: 'b',
    });
    assert.deepEqual(await b.request('c', 'echo', 'x', 5000), { body: 'x', from: 'b', by: 'c' });
    assert.deepEqual([...a.nodes].sort(), ['b', 'c']);
  });

  test('a refusal keeps its code; a name that nobody serves, a node that is not there and silence have their own', async (t) => {
    const { a, b } = await linked(t, 'a', 'b');
    b.serve('refuse', () => {
      throw new ErrorWithCode('NOT_TODAY', 'come again');
    });
    b.serve('silence', () => new Promise(() => undefined));
    assert.equal(await refusal(a.request('b', 'refuse', 1, 5000)), 'NOT_TODAY');
    assert.equal(await refusal(a.request('b', 'unheard', 1, 5000)), 'NOT_SERVED');
    assert.equal(await refusal(a.request('nobody', 'echo', 1, 5000)), 'NODE_UNREACHABLE');
    assert.equal(await refusal(a.request('b', 'silence', 1, 100)), 'LINK_TIMEOUT');
  });

  test('what is sent to a node arrives in its order, and no answer waits for another', async (t) => {
    const { a, b } = await linked(t, 'a', 'b');
    const taken: unknown[] = [];
    b.serve('note', (body) => void taken.push(body));
    b.serve('slow', () => new Promise((resolve) => setTimeout(resolve, 300, 'slow')));
    const done: string[] = [];
    const slow = a.request('b', 'slow', 1, 5000).then(() => done.push('slow'));
    const quick = a.request('b', 'echo', 1, 5000).then(() => done.push('quick'));
    for (let n = 0; n < 1000; n++) a.tell('b', 'note', n);
    await Promise.all([slow, quick]);
    assert.deepEqual(done, ['quick', 'slow']);
    await until('all notes are there', () => taken.length === 1000);
    assert.deepEqual(
      taken,
      Array.from({ length: 1000 }, (_, n) => n),
    );
  });

  test('more than may wait for a node is refused at once', async (t) => {
    const { a } = await linked(t, 'a', 'b');
    const outcomes = await Promise.all(
      Array.from({ length: 11_000 }, (_, n) =>
        // Not how fast they are answered is asked here, and eleven thousand take a while on a busy machine.
        a.request('b', 'echo', n, 60_000).then(
          () => 'answered',
          (error: unknown) => codeOf(error) ?? '',
        ),
      ),
    );
    assert.equal(outcomes.filter((outcome) => outcome === 'LINK_FULL').length, 1000);
    assert.equal(outcomes.filter((outcome) => outcome === 'answered').length, 10_000);
  });

  test('what is together too large for one message of NATS is sent as several; what is too large alone is refused at once', async (t) => {
    const { a, b } = await linked(t, 'a', 'b');
    const large = (n: number) => `${n}`.padEnd(64 * 1024, 'x');
    const numbers = Array.from({ length: 40 }, (_, n) => n);
    const order: unknown[] = [];
    b.serve('large', (body) => {
      order.push(Number.parseInt(String(body), 10));
      return body;
    });
    const answers = await Promise.all(numbers.map((n) => a.request('b', 'large', large(n), 5000)));
    assert.deepEqual(answers, numbers.map(large));
    assert.deepEqual(order, numbers);

    const beside = a.request('b', 'echo', 1, 5000);
    assert.equal(await refusal(a.request('b', 'echo', 'x'.repeat(2 * 1024 * 1024), 60_000)), 'LINK_MESSAGE_TOO_LARGE');
    await beside;
    b.serve('huge', () => 'x'.repeat(2 * 1024 * 1024));
    assert.equal(await refusal(a.request('b', 'huge', 1, 60_000)), 'LINK_MESSAGE_TOO_LARGE');
  });

  test('a node that stops is gone from the others; its own requests under way are refused', async (t) => {
    const { a, b } = await linked(t, 'a', 'b');
    a.serve('silence', () => new Promise(() => undefined));
    const waiting = refusal(b.request('a', 'silence', 1, 60_000));
    await b.stop();
    assert.equal(await waiting, 'LINK_CLOSED');
    await until('a knows', () => !a.nodes.includes('b'));
    assert.equal(await refusal(a.request('b', 'echo', 1, 5000)), 'NODE_UNREACHABLE');
  });

  test('NATS killed: the link says so, requests fail in their time, and it comes back by itself', async (t) => {
    const { a, states } = await linked(t, 'a', 'b');
    await nats.kill();
    await until('the link says that it is cut', () => !a.state.connected);
    assert.equal(await refusal(a.request('b', 'echo', 1, 1000)), 'LINK_TIMEOUT');
    await nats.restart();
    await until(
      'it answers again',
      () =>
        a.request('b', 'echo', 2, 500).then(
          () => true,
          () => false,
        ),
      20_000,
    );
    assert.ok(a.state.connected);
    assert.ok(states.some(({ connected, detail }) => !connected && detail === 'NATS does not answer'));
  });
});

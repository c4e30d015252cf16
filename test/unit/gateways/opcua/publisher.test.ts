import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { NotificationMessage, PublishResponse } from 'node-opcua-client';
import { isBefore, nextSequence, Publisher, type PublishPort } from '../../../../gateways/opcua/publisher.ts';

const SUBSCRIPTION = 7;

/** A server that the test plays: it answers a publish request when told to. */
class PlayedServer implements PublishPort {
  readonly requests: {
    acknowledge: readonly number[];
    answer: (sequence: number, data: boolean) => void;
    refuse: (message: string) => void;
  }[] = [];
  readonly kept = new Set<number>();

  publish(acknowledge: readonly number[]): Promise<PublishResponse> {
    return new Promise((resolve, reject) => {
      this.requests.push({
        acknowledge,
        answer: (sequence, data) => resolve(response(sequence, data)),
        refuse: (text) => reject(new Error(text)),
      });
    });
  }

  async republish(_id: number, sequence: number): Promise<NotificationMessage | null> {
    return this.kept.has(sequence) ? message(sequence, true) : null;
  }
}

function message(sequenceNumber: number, data: boolean): NotificationMessage {
  // What the data is does not matter here; that there is some tells a notification from a keep-alive.
  return new NotificationMessage({ sequenceNumber, publishTime: new Date(), notificationData: data ? [null] : [] });
}

function response(sequence: number, data: boolean): PublishResponse {
  return new PublishResponse({
    subscriptionId: SUBSCRIPTION,
    availableSequenceNumbers: [sequence],
    notificationMessage: message(sequence, data),
  });
}

interface Bench {
  readonly server: PlayedServer;
  readonly publisher: Publisher;
  readonly delivered: number[];
  readonly gaps: number[];
  readonly logged: (() => void)[];
}

function bench(nextExpected: number | null, holdLog = false): Bench {
  const server = new PlayedServer();
  const delivered: number[] = [];
  const gaps: number[] = [];
  const logged: (() => void)[] = [];
  const publisher = new Publisher({
    port: server,
    state: { id: SUBSCRIPTION, nextSequence: nextExpected, unacknowledged: [] },
    keepAliveMs: 1000,
    maxWaiting: 3,
    deliver: async (given) => {
      if ((given.notificationData?.length ?? 0) > 0) delivered.push(given.sequenceNumber);
      if (holdLog) await new Promise<void>((resolve) => logged.push(resolve));
    },
    onGap: (missing) => gaps.push(missing),
  });
  return { server, publisher, delivered, gaps, logged };
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i += 1) await turn();
};

describe('the publisher', () => {
  it('keeps two requests at the server and acknowledges what was delivered with the next', async () => {
    const { server, publisher, delivered } = bench(1);
    publisher.start();
    assert.equal(server.requests.length, 2);
    server.requests[0]?.answer(1, true);
    await settle();
    assert.deepEqual(delivered, [1]);
    server.requests[1]?.answer(2, true);
    await settle();
    assert.equal(server.requests.length, 4);
    assert.deepEqual(
      server.requests.flatMap(({ acknowledge }) => acknowledge),
      [1],
    );
  });

  it('fetches missing messages before the one that showed the gap', async () => {
    const { server, publisher, delivered, gaps } = bench(1);
    server.kept.add(1).add(2);
    publisher.start();
    server.requests[0]?.answer(3, true);
    await settle();
    assert.deepEqual(delivered, [1, 2, 3]);
    assert.deepEqual(gaps, []);
  });

  it('counts what the server no longer has, and goes on', async () => {
    const { server, publisher, delivered, gaps } = bench(1);
    publisher.start();
    server.requests[0]?.answer(4, true);
    await settle();
    assert.deepEqual(delivered, [4]);
    assert.deepEqual(gaps, [3]);
  });

  it('notices by the number of a keep-alive that a message was lost', async () => {
    const { server, publisher, delivered } = bench(5);
    server.kept.add(5);
    publisher.start();
    server.requests[0]?.answer(6, false);
    await settle();
    assert.deepEqual(delivered, [5]);
  });

  it('delivers no message twice', async () => {
    const { server, publisher, delivered } = bench(1);
    publisher.start();
    server.requests[0]?.answer(1, true);
    server.requests[1]?.answer(1, true);
    await settle();
    assert.deepEqual(delivered, [1]);
  });

  it('republishes from the next number on until there is no more, and sends no request before', async () => {
    const { server, publisher, delivered } = bench(8);
    server.kept.add(8).add(9);
    assert.equal(await publisher.republishAll(), 2);
    await settle();
    assert.deepEqual(delivered, [8, 9]);
    assert.equal(server.requests.length, 0);
    publisher.start();
    assert.deepEqual(server.requests[0]?.acknowledge, [8, 9]);
  });

  it('sends no further request while the log is behind, and goes on once it has caught up', async () => {
    const { server, publisher, logged } = bench(1, true);
    publisher.start();
    for (let sequence = 1; sequence <= 4; sequence += 1) {
      server.requests[sequence - 1]?.answer(sequence, true);
      await settle();
    }
    const sent = server.requests.length;
    assert.ok(publisher.starved);
    assert.ok(sent <= 5, `${sent} requests`);
    for (const done of logged) done();
    await settle();
    assert.ok(!publisher.starved);
    assert.ok(server.requests.length > sent);
  });

  it('ends with the cause when the subscription is gone', async () => {
    const { server, publisher } = bench(1);
    publisher.start();
    server.requests[0]?.refuse('serviceResult = BadNoSubscription (0x80790000)');
    assert.equal((await publisher.ended).code, 'opcua_subscription_lost');
  });

  it('makes do with fewer requests where the server takes no more', async () => {
    const { server, publisher } = bench(1);
    publisher.start();
    server.requests[1]?.refuse('BadTooManyPublishRequests');
    await settle();
    server.requests[0]?.answer(1, true);
    await settle();
    assert.equal(server.requests.length, 3);
  });
});

describe('sequence numbers', () => {
  it('start again at 1 after the largest', () => {
    assert.equal(nextSequence(0xffff_ffff), 1);
    assert.equal(nextSequence(1), 2);
  });

  it('are ordered over the wrap', () => {
    assert.ok(isBefore(1, 2));
    assert.ok(isBefore(0xffff_ffff, 1));
    assert.ok(!isBefore(2, 2));
    assert.ok(!isBefore(3, 2));
  });
});

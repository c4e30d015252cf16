/**
 * Goal: a client whose WebSocket is cut a hundred times while alarms change a thousand times has in the end every transition,
 * once and in the order of the journal.
 * Method: the product as a process; one meter whose readings cross limits each time; the client subscribes again with the
 * token of the last event it has, and is cut after every few events, at any place of the stream. Beside it the wall's own
 * connection and alarm book, cut as often; they are held to the journal, and their list of alarms to the one of the API.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { connectAsync } from 'mqtt';
import { Random } from '../../simulators/plant/random.ts';
import type { Transition as Step } from '../../ui/store/alarm-book.ts';
import { until } from '../support/condition.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { Product } from '../support/product.ts';
import { tempDir } from '../support/temp-dir.ts';
import { WallClient } from '../support/wall-client.ts';
import { positionIn, WsClient } from '../support/ws-client.ts';
import { writeChaosPlant } from './chaos-plant.ts';

const CUTS = 100;
const TRANSITIONS = 1000;
const READINGS_PER_SECOND = 100;
const PAUSE_MS = 20;
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);

interface Transition {
  readonly token: string;
  readonly entity: string;
  readonly seq: number;
  readonly kind: string;
}

const { dir, remove } = tempDir('socket');
let broker: Mosquitto;
let product: Product;
let topology: string;
before(async () => {
  broker = await Mosquitto.start(dir);
  topology = writeChaosPlant(dir, broker.url, 2).topology;
  product = await Product.start({ dataDir: path.join(dir, 'data'), topology });
});
after(async () => {
  await product.kill();
  await broker.kill('SIGKILL');
  remove();
});

/** A client that reconnects as the wall does: with the token of the newest event, or of the snapshot before the first. */
class Follower {
  readonly seen: Transition[] = [];
  resume: string | undefined;

  async connect(): Promise<WsClient> {
    const client = await WsClient.open(`ws://127.0.0.1:${product.port}/ws`, {
      authorization: `Bearer ${product.key}`,
    });
    client.send({
      op: 'subscribe',
      sub: 'a',
      topic: 'alarms',
      ...(this.resume !== undefined && { resume: this.resume }),
    });
    return client;
  }

  /** Takes over what a connection has brought until it was cut. */
  take(client: WsClient): void {
    for (const frame of client.frames) {
      if (frame.op === 'snapshot' && frame.more === false) this.resume ??= String(frame.token);
      if (frame.op !== 'event') continue;
      for (const event of frame.events as Transition[]) {
        this.seen.push(event);
        this.resume = event.token;
      }
    }
  }
}

test('cut a hundred times, a client and the wall have every one of a thousand transitions, once and in order', async (t) => {
  t.diagnostic(`CHAOS_SEED=${SEED}`);
  const random = new Random(SEED);
  const follower = new Follower();
  // Before the first transition, so that none of them is part of its snapshot.
  const first = await follower.connect();
  await first.waitFor('the snapshot', (client) => client.frames.some(({ op, more }) => op === 'snapshot' && !more));
  follower.take(first);
  first.kill();
  const from = positionIn(follower.resume);
  const url = `ws://127.0.0.1:${product.port}/ws`;
  // Walls draw lots for a pause of 125 ms and more; here it would only add up to the time of the test.
  const wall = WallClient.open(url, { authorization: `Bearer ${product.key}` }, () => PAUSE_MS);
  t.after(() => wall.close());
  await until('the alarms of the wall', () => wall.book.ready.value);
  const onWall = transitionsOf(wall);

  const meter = await connectAsync(broker.url);
  let high = false;
  const timer = setInterval(() => {
    high = !high;
    const payload = JSON.stringify({ ts: Date.now(), metrics: { level: high ? 95 : 10 } });
    meter.publish('plant/m-1', payload, { qos: 1 });
    meter.publish('plant/m-2', payload, { qos: 1 });
  }, 1000 / READINGS_PER_SECOND);

  let cuts = 0;
  for (; cuts < CUTS || follower.seen.length < TRANSITIONS; cuts++) {
    const client = await follower.connect();
    const enough = Math.floor(random.uniform() * ((2 * TRANSITIONS) / CUTS));
    await client.waitFor('some events', () => client.tokens.length >= enough, 20_000);
    client.kill();
    follower.take(client);
    await until('the wall is back', () => wall.isLive, 20_000);
    wall.cut();
  }
  clearInterval(timer);
  await meter.endAsync();

  const journal = async () =>
    (await product.list<{ position: number; kind: string }>('/alarms/history?limit=1000')).toReversed();
  let settled = -1;
  await until(
    'nothing changes any more',
    async () => {
      const before = settled;
      settled = (await journal()).length;
      return settled === before;
    },
    60_000,
  );
  const last = await follower.connect();
  const end = (await journal()).at(-1)?.position;
  await last.waitFor('the newest event', () => last.positions.at(-1) === end || positionIn(follower.resume) === end);
  follower.take(last);
  last.kill();

  const all = await journal();
  // What the start of the plant itself decided is part of the first snapshot.
  const since = (token: number) =>
    all.filter(({ position }) => position > token).map(({ position, kind }) => `${position} ${kind}`);
  const expected = since(from);
  assert.deepEqual(
    follower.seen.map(({ token, kind }) => `${positionIn(token)} ${kind}`),
    expected,
  );
  await until('the newest event on the wall', () => positionIn(onWall.at(-1)?.token) === end, 20_000);
  assert.deepEqual(
    onWall.map(({ token, kind }) => `${positionIn(token)} ${kind}`),
    since(positionIn(wall.firstToken)),
  );
  const listed = await product.list<{ id: string; detail: string }>('/alarms?limit=1000');
  assert.deepEqual(standing([...wall.book.alarms.value.values()]), standing(listed));
  assert.ok(cuts >= CUTS && expected.length >= TRANSITIONS);
  t.diagnostic(`${cuts} cuts, ${expected.length} transitions`);
});

/** All that the book ever took: it keeps the newest alone. */
function transitionsOf(wall: WallClient): Step[] {
  const { transitions } = wall.book;
  const all: Step[] = [];
  let last: Step | undefined;
  transitions.subscribe(() => {
    const kept = transitions.value;
    all.push(...kept.slice(last === undefined ? 0 : kept.indexOf(last) + 1));
    last = kept.at(-1);
  });
  return all;
}

/** Whatever is not simply normal, by id. */
function standing(alarms: readonly { readonly id: string; readonly detail: string }[]): string[] {
  return alarms.flatMap(({ id, detail }) => (detail === 'NORMAL' ? [] : [`${id} ${detail}`])).sort();
}

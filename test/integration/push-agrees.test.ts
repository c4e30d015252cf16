/**
 * Goal: at any moment, what a client knows from its snapshot and what came after is what a client that has just come is told;
 * for every topic and filter, values and alarms alike.
 * Method: the real actors of a small plant under random readings and commands; clients that come in the middle of it, some of
 * them into commands under way; when all is quiet, each is compared with one that comes then.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { populationOf } from '../../actors/population.ts';
import { CommandId, entityId } from '../../runtime/ids.ts';
import type { Node } from '../../runtime/node.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode, type TestStorage } from '../support/engine.ts';
import { startTestFront, type TestFront } from '../support/front.ts';
import { tempDir } from '../support/temp-dir.ts';
import { positionIn, type WsClient } from '../support/ws-client.ts';
import { load, SOUND } from '../unit/topology/sample.ts';

const ROUNDS = 30;
const ACTIONS = 14;

const SUBSCRIPTIONS = [
  { topic: 'sites' },
  { topic: 'assets' },
  { topic: 'assets', filter: { site: 'works' } },
  { topic: 'assets', filter: { ids: ['pump-1'] }, fields: ['values.temp', 'alarms', 'props.openWorkOrders'] },
  { topic: 'devices', fields: ['props.connectivity', 'values'] },
  { topic: 'workorders' },
  { topic: 'workorders', filter: { site: 'works' }, fields: ['props.state'] },
  { topic: 'workorders', filter: { site: 'elsewhere' } },
  { topic: 'alarms' },
  { topic: 'alarms', filter: { site: 'works', severity: ['HIGH', 'CRITICAL'] } },
  { topic: 'alarms', filter: { severity: ['MEDIUM'] } },
  { topic: 'alarms', filter: { ids: ['cabinet'] } },
] as const;
type Wanted = (typeof SUBSCRIPTIONS)[number];

type Item = { readonly id: string; readonly [name: string]: unknown };

/** What a client makes of its frames. */
function knows(client: WsClient, wanted: Wanted): Map<string, unknown> {
  const known = new Map<string, Item>();
  let token = 0;
  for (const { op, ...frame } of client.frames) {
    const items = frame.items as Item[];
    if (op === 'snapshot') {
      for (const item of items) known.set(item.id, item);
      token = positionIn(frame.token);
    }
    if (op === 'delta') for (const item of items) merge(known, item);
    if (op !== 'event') continue;
    for (const event of frame.events as { token: string; after: Item }[]) {
      if (positionIn(event.token) <= token) continue;
      if (isListed(event.after) && matches(event.after, wanted)) known.set(event.after.id, event.after);
      else known.delete(event.after.id);
    }
  }
  return new Map([...known].sort().map(([id, item]) => [id, wanted.topic === 'alarms' ? item : withoutNulls(item)]));
}

function merge(known: Map<string, Item>, { id, gone, ...groups }: Item): void {
  if (gone === true) {
    known.delete(id);
    return;
  }
  const merged: Record<string, unknown> = { ...known.get(id) };
  for (const [name, fields] of Object.entries(groups)) merged[name] = { ...Object(merged[name]), ...Object(fields) };
  known.set(id, { ...merged, id });
}

/** Null stands for nothing, in a snapshot and in a delta. */
function withoutNulls(item: Item): unknown {
  const groups = Object.entries(item).map(([name, fields]) => [
    name,
    typeof fields === 'object' && fields !== null
      ? Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))
      : fields,
  ]);
  return Object.fromEntries(groups.filter(([, fields]) => Object.keys(Object(fields)).length > 0));
}

function isListed(alarm: Item): boolean {
  const { detail, shelved, suppressed, outOfService, cannotEvaluate } = alarm;
  return detail !== 'NORMAL' || [shelved, suppressed, outOfService, cannotEvaluate].some((overlay) => overlay !== null);
}

function matches(alarm: Item, wanted: Wanted): boolean {
  const severities: readonly unknown[] | undefined =
    'filter' in wanted && 'severity' in wanted.filter ? wanted.filter.severity : undefined;
  return severities?.includes(alarm.severity) ?? true;
}

const temp = tempDir('push-agrees');
let storage: TestStorage;
let node: Node;
let t: TestFront;
before(async () => {
  const plant = load(SOUND);
  assert.ok(plant.ok);
  storage = await openStorage(temp.dir);
  node = await startNode(storage, populationOf(plant.plant));
  t = await startTestFront({ runtime: node });
});
after(async () => {
  await t.close();
  await node.stop();
  await storage.close();
  temp.remove();
});

let seed = Number(process.env.PUSH_SEED ?? Date.now() % 1_000_000);
function random(below: number): number {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((seed / 2_147_483_648) * below);
}

let commands = 0;
const PLC = entityId('device', 'plc');

function ask(to: string, command: object): Promise<unknown> {
  const [kind = '', name = ''] = to.split('/');
  return node.ask(entityId(kind, name), command, {
    commandId: CommandId.parse(`test-${++commands}`),
    by: { user: 'test', via: 'http' },
    permissions: ['*', 'internal:*'],
  });
}

/** One thing that happens to the plant. Refusals are welcome: they must change nothing. */
function act(): Promise<unknown> {
  const rule = ['hot', 'lost'][random(2)] ?? 'hot';
  switch (random(9)) {
    case 0:
      return ask('asset/pump-1', { kind: 'AcknowledgeAlarm', rule });
    case 1:
      return ask('asset/pump-1', { kind: 'ShelveAlarm', rule, durationMs: 60_000, reason: 'a test' });
    case 2:
      return ask('asset/pump-1', { kind: 'UnshelveAlarm', rule });
    case 3:
      return ask('asset/pump-1', { kind: 'CommentAlarm', rule, text: `note ${commands}` });
    case 4:
      return ask('device/plc', {
        kind: 'ReportConnectivity',
        state: ['online', 'offline'][random(2)],
        reason: random(2) ? 'connected' : 'timeout',
      });
    case 5: {
      const draft = { title: `Look ${commands}`, asset: 'pump-1', site: 'works' };
      return ask('order-book/main', { kind: 'RequestWorkOrder', draft, date: '20260301' });
    }
    default: {
      const gatewayTimeMs = Date.now();
      return node.ingest(PLC, {
        deviceTimeMs: null,
        gatewayTimeMs,
        points: ['flow', 'temp', 'running', 'label'],
        values: [random(200), 60 + random(60), random(2) === 1, `l${random(3)}`],
        quality: null,
        reasons: null,
        times: null,
      });
    }
  }
}

async function subscribed(wanted: Wanted): Promise<WsClient> {
  const client = await t.connect();
  client.send({ op: 'subscribe', sub: 's', ...wanted });
  await client.waitFor('snapshot', (c) => c.of('snapshot').some(({ more }) => more === false));
  return client;
}

/** Everything asked for has been done and shown, and what was shown has arrived. */
async function quiet(clients: Iterable<WsClient>): Promise<void> {
  await until('all is applied', () => node.quiet, 20_000);
  node.live.flush();
  for (const client of clients) {
    const pongs = client.of('pong').length;
    client.send({ op: 'ping' });
    await client.waitFor('pong', (c) => c.of('pong').length > pongs);
  }
}

test('a client that has followed knows what one that comes now is told', async (context) => {
  context.diagnostic(`seed ${seed}`);
  const followers = new Map<WsClient, Wanted>();
  for (const wanted of SUBSCRIPTIONS) followers.set(await subscribed(wanted), wanted);
  for (let round = 0; round < ROUNDS; round++) {
    const underWay: Promise<unknown>[] = [];
    for (let action = 0; action < ACTIONS; action++) {
      underWay.push(act());
      // Somebody comes into the middle of it.
      if (action % 5 === 0) {
        const wanted = SUBSCRIPTIONS[random(SUBSCRIPTIONS.length)];
        if (wanted) followers.set(await subscribed(wanted), wanted);
      }
      if (random(3) === 0) await underWay.at(-1)?.catch(() => undefined);
    }
    await Promise.allSettled(underWay);
    for (const wanted of SUBSCRIPTIONS) {
      await until(
        `${JSON.stringify(wanted)} agrees`,
        async () => {
          const those = [...followers].filter(([, follows]) => follows === wanted).map(([client]) => client);
          await quiet(those);
          const fresh = await subscribed(wanted);
          const now = knows(fresh, wanted);
          fresh.close();
          // A value may have changed between the two; then they agree a moment later.
          const differs = those.find((client) => !isDeepStrictEqual(knows(client, wanted), now));
          if (differs) last = { wanted, knows: knows(differs, wanted), fresh: now };
          return differs === undefined;
        },
        20_000,
      ).catch((error: Error) => {
        assert.deepEqual(last?.knows, last?.fresh, `${error.message}, seed ${seed}`);
        throw error;
      });
    }
    for (const client of [...followers.keys()].slice(SUBSCRIPTIONS.length)) {
      client.close();
      followers.delete(client);
    }
  }
  assert.ok((await storage.journal.end()) > 100, 'much has happened');
});

let last: { readonly wanted: Wanted; readonly knows: unknown; readonly fresh: unknown } | undefined;

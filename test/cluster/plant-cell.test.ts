/**
 * Goal: a plant on several nodes is one plant. Commands are taken by any gateway once, events are shown by all in one order,
 * a node that leaves costs no command, one that is killed costs nothing that was acknowledged, and all gateways agree.
 * Method: three real processes of the product over PostgreSQL, NATS and a broker; meters and people load them meanwhile. In
 * the end what they were told is held against journal and log, which are folded without the engine as well.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Random } from '../../simulators/plant/random.ts';
import { readApi, type Shown } from '../chaos/kill-checks.ts';
import { Meters } from '../chaos/meters.ts';
import { Operators } from '../chaos/operators.ts';
import { until } from '../support/condition.ts';
import type { Product } from '../support/product.ts';
import { WsClient } from '../support/ws-client.ts';
import { AnyNode, PlantCell, shardsOf, skip } from './plant-cell.ts';
import { checkCell, isAtRest, readKept } from './plant-history.ts';

const DEVICES = 6;
const PEOPLE = 6;
const READINGS_PER_SECOND = 5;
const SHARDS_EACH = 12;

interface Done {
  readonly result: { readonly number?: string };
  readonly repeated: boolean;
}

describe('a plant on three nodes', { skip, timeout: 170_000 }, () => {
  let cell: PlantCell;
  let anyNode: AnyNode;
  let meters: Meters;
  let operators: Operators;

  before(async () => {
    cell = await PlantCell.start({ nodes: ['core-1', 'core-2', 'core-3'], devices: DEVICES });
    anyNode = new AnyNode(cell);
    meters = new Meters(cell.broker.url, cell.plant.meters, READINGS_PER_SECOND, new Random(1));
    await cell.balanced(SHARDS_EACH);
  });
  after(async () => {
    await operators?.stop();
    await meters?.close();
    await cell?.end();
  });

  test('a command is taken by any gateway, and once where another repeats it', async () => {
    const [one, two, three] = ['core-1', 'core-2', 'core-3'].map((name) => cell.node(name));
    assert.ok(one && two && three);
    const twice = async (route: string, body: object, commandId: string) => {
      let first = await two.request<Done>('POST', route, { body, commandId });
      await until('somebody decides', async () => {
        // On a busy machine a lease may be lost for a moment.
        if (first.status >= 500) first = await two.request<Done>('POST', route, { body, commandId });
        return first.status < 500;
      });
      const again = await three.request<Done>('POST', route, { body, commandId });
      assert.ok(first.ok && again.ok, `${route}: ${JSON.stringify([first.body, again.body])}`);
      assert.equal(again.body.repeated, true, route);
      assert.deepEqual(again.body.result, first.body.result, route);
      return first.body.result;
    };
    for (const asset of cell.plant.assets) {
      const alarm = `/alarms/${encodeURIComponent(`asset/${asset}:high`)}`;
      await until(`an alarm of ${asset}`, async () => {
        const commented = await one.request('POST', `${alarm}/comment`, {
          body: { text: 'seen' },
          commandId: `seen-${asset}`,
        });
        return commented.ok;
      });
      await twice(`${alarm}/shelve`, { durationMs: 60_000_000, reason: 'away' }, `shelve-${asset}`);
      await twice(`${alarm}/unshelve`, {}, `unshelve-${asset}`);
      const { number } = await twice('/workorders', { title: `Look at ${asset}`, asset }, `order-${asset}`);
      await twice(`/workorders/${number}/transitions/schedule`, { note: 'today' }, `schedule-${asset}`);
      const other = await one.request('POST', '/workorders', {
        body: { title: 'Another', asset },
        commandId: `order-${asset}`,
      });
      assert.ok(!other.ok && other.body.error.code === 'COMMAND_ID_REUSED', 'the same id for something else');
    }
  });

  test('what a command makes is there at every gateway once it is answered, whoever makes it', async (t) => {
    const [one, two] = ['core-1', 'core-2'].map((name) => cell.node(name));
    assert.ok(one && two);
    const client = await WsClient.open(`ws://127.0.0.1:${two.port}/ws`, { authorization: `Bearer ${two.key}` });
    t.after(() => client.close());
    const requested = async (id: string, asset: string) => {
      const draft = { title: `Look at ${asset} at once`, asset };
      client.send({ op: 'command', id, entity: 'order-book/main', command: { kind: 'RequestWorkOrder', draft } });
      const reply = () => client.of('reply').find((frame) => frame.id === id);
      await client.waitFor('the reply', () => reply() !== undefined);
      return reply()?.result as Done['result'] | undefined;
    };
    const isThere = async (list: string, id: string) => {
      const made = [await two.request('GET', `/${list}/${id}`), await one.request('GET', `/${list}/${id}`)];
      assert.deepEqual(
        made.map(({ status }) => status),
        [200, 200],
        `${list}/${id}: ${JSON.stringify(made.map(({ body }) => body))}`,
      );
      const listed = await two.list<{ id: string }>(`/${list}?q=${id}`);
      assert.deepEqual(
        listed.map((item) => item.id),
        [id],
      );
    };
    for (const asset of cell.plant.assets) {
      const body = { title: `Look at ${asset} at once`, asset };
      const { body: posted } = await two.request<Done>('POST', '/workorders', { body, commandId: `at-once-${asset}` });
      assert.ok('result' in posted && posted.result.number, JSON.stringify(posted));
      await isThere('workorders', posted.result.number);
      const result = await requested(`over-websocket-${asset}`, asset);
      assert.ok(result?.number, JSON.stringify(client.of('reply').at(-1)));
      await isThere('workorders', result.number);
      const rule = {
        id: `at-once-${asset}`,
        name: 'Nearly',
        metric: 'level',
        when: { above: 99 },
        durationSeconds: 3600,
      };
      const made = await two.request('POST', '/rules', { body: { ...rule, entityId: `asset/${asset}` } });
      assert.ok(made.ok, JSON.stringify(made.body));
      await isThere('rules', rule.id);
      // The rest of the tests is about the rules of the file.
      assert.ok((await two.request('DELETE', `/rules/${rule.id}`)).ok);
    }
  });

  test('every node is ready, and the moves left no view without an owner', async () => {
    for (const [name, node] of cell.nodes) {
      // On a busy machine a lease may be lost for a moment.
      await until(`${name} is ready`, async () => (await fetch(`${node.url}/ready`)).status === 200, 20_000);
      // Well below the minute after which a view that nobody speaks for is let go of.
      await until(
        `${name} hears everybody`,
        async () => {
          const { parts } = await node.get<{ readonly parts: { name: string; status: string }[] }>('/health');
          return parts.find((part) => part.name === 'live views')?.status === 'healthy';
        },
        20_000,
      );
    }
  });

  test('every gateway shows the same events in the same order, and takes the tokens of the others', async (t) => {
    const clients = await Promise.all([...cell.nodes.values()].map((node) => follow(node)));
    t.after(() => {
      for (const client of clients) client.close();
    });
    const [first] = clients;
    assert.ok(first);
    await first.waitFor('events', ({ tokens }) => tokens.length > 30, 30_000);
    const wanted = first.tokens.slice(-20);
    for (const client of clients)
      await client.waitFor('the same', ({ tokens }) => tokens.includes(wanted.at(-1) ?? ''), 20_000);
    for (const { tokens } of clients) {
      const from = tokens.indexOf(wanted[0] ?? '');
      assert.deepEqual(tokens.slice(from, from + wanted.length), wanted);
    }
    const [token, ...rest] = wanted;
    for (const node of cell.running) {
      const resumed = await follow(node, token);
      t.after(() => resumed.close());
      await resumed.waitFor('what it missed', ({ tokens }) => tokens.length >= rest.length);
      assert.deepEqual(resumed.tokens.slice(0, rest.length), rest);
    }
  });

  test('a node that is told to end under load hands over, and no command fails', async (t) => {
    operators = new Operators(anyNode, cell.plant, PEOPLE, new Random(2));
    await until('work is done', () => operators.commands.length > 50, 30_000);
    const before = anyNode.failed.length;
    const from = anyNode.tookMs.length;
    const { code, tookMs } = await cell.node('core-3').stop();
    assert.equal(code, 0);
    await cell.balanced();
    // Its own gateway sends people to another one.
    const failed = anyNode.failed.slice(before).filter(({ text }) => !text.startsWith('STOPPING'));
    assert.deepEqual(failed, []);
    const longest = Math.max(...anyNode.tookMs.slice(from));
    t.diagnostic(`it took ${Math.round(tookMs)} ms to hand over; the longest answer took ${Math.round(longest)} ms`);
  });

  test('one that is killed under load: the other goes on with its drivers, readings and alarms', async (t) => {
    const fromMs = performance.now();
    const lost = await shardsOf(cell.node('core-2'));
    await cell.node('core-2').kill();
    await cell.balanced();
    t.diagnostic(`${lost} shards open elsewhere ${Math.round(performance.now() - fromMs)} ms after kill -9`);
    const survivor = cell.node('core-1');
    const level = async () =>
      new Map(
        (await survivor.list<{ id: string; times: { level?: number } }>('/assets')).map(({ id, times }) => [
          id,
          times.level,
        ]),
      );
    const then = await level();
    await until(
      'readings of every device go on',
      async () => {
        const now = await level();
        return cell.plant.assets.every((asset) => (now.get(asset) ?? 0) > (then.get(asset) ?? 0));
      },
      30_000,
    );
  });

  test('in the end nothing is lost, nothing is there twice, and all gateways say the same', async (t) => {
    await cell.node('core-2').restart();
    await operators.stop();
    meters.pause();
    await until('the broker has it all', () => meters.unacknowledged === 0, 30_000);
    await until('every node has applied it all', () => isAtRest(cell, meters.sent), 30_000);
    let said: Shown[] = [];
    const isAgreed = async () => {
      said = await Promise.all(cell.running.map(readApi));
      return said.every((one) => isDeepStrictEqual(plain(one), plain(said[0])));
    };
    // Rates of readings settle with the clock.
    await until('both gateways say the same', isAgreed, 20_000).catch(() => undefined);
    const [shown, other] = said;
    assert.ok(shown && other);
    assert.deepEqual(plain(other), plain(shown));
    const kept = await readKept(cell);
    const twice = await checkCell(cell, kept, { commands: operators.commands, sent: meters.sent, shown });
    assert.ok(operators.commands.filter(({ ok }) => ok).length > 100);
    t.diagnostic(
      `${kept.entries.length} rows, ${kept.log.length} records, ${twice} of them again, ${operators.commands.length} commands`,
    );
  });
});

async function follow(node: Product, resume?: string): Promise<WsClient> {
  const client = await WsClient.open(`ws://127.0.0.1:${node.port}/ws`, { authorization: `Bearer ${node.key}` });
  client.send({ op: 'subscribe', sub: 'a', topic: 'alarms', ...(resume !== undefined && { resume }) });
  return client;
}

/** Without what a node says of itself. */
function plain(shown: Shown | undefined) {
  if (shown === undefined) return undefined;
  const { position, items, alarmHistory } = shown;
  return { position, items: [...items].toSorted(([a], [b]) => (a < b ? -1 : 1)), alarmHistory };
}

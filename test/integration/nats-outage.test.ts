/**
 * Goal: a node whose telemetry log is on NATS loses nothing and decides nothing twice while the server is killed and started
 * again under load; sources are answered only for what the log has; health says what is wrong, and it heals by itself.
 * Method: a node on real storage and a nats-server of the test's own; sources that send a number until they are answered, and
 * then the next one. In the end every number is looked for in the log, in the actors and in the journal.
 */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { z } from 'zod';
import type { ActorKind } from '../../runtime/actor-kind.ts';
import { codeOf } from '../../runtime/errors.ts';
import { type EntityId, entityId } from '../../runtime/ids.ts';
import type { Journal } from '../../runtime/journal.ts';
import type { PositionedRecord, TelemetryLog } from '../../runtime/log.ts';
import type { NatsLogOptions } from '../../runtime/nats/nats-log.ts';
import { openNatsLog } from '../../runtime/nats/open.ts';
import type { Node } from '../../runtime/node.ts';
import type { Population } from '../../runtime/population.ts';
import { readAll } from '../contract/log.contract.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode } from '../support/engine.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Reading {
  readonly gatewayTimeMs: number;
  readonly value: number;
}

type MeterEvent = { readonly kind: 'TenReached'; readonly value: number };
interface MeterState {
  readonly tens: number;
  readonly live: { admitted: number; last: number; gaps: number; repeats: number };
}

/** Takes the numbers 1, 2, 3 … once each, counts what came out of turn, and decides on every tenth. */
const meterKind: ActorKind<MeterState, never, MeterEvent, Reading, Reading, null> = {
  name: 'meter',
  command: z.never(),
  permission: () => 'meter:none',
  initial: () => ({ tens: 0, live: { admitted: 0, last: 0, gaps: 0, repeats: 0 } }),
  decide: () => ({ ok: true, events: [] }),
  evolve: (state) => ({ ...state, tens: state.tens + 1 }),
  admit(state, input) {
    if (input.value <= state.live.admitted) {
      return { observation: null, rejected: [{ code: 'DUPLICATE', reason: 'had it', body: input.value }] };
    }
    state.live.admitted = input.value;
    return { observation: input, rejected: [] };
  },
  observe(state, { value }, turn) {
    if (turn.source !== turn.id) return [];
    const { live } = state;
    live.admitted = Math.max(live.admitted, value);
    if (value > live.last + 1) live.gaps++;
    if (value <= live.last) live.repeats++;
    live.last = value;
    return value % 10 === 0 && !turn.replay ? [{ kind: 'TenReached', value }] : [];
  },
  view: ({ tens, live: { last, gaps, repeats } }) => ({ props: { tens, gaps, repeats }, values: { last } }),
  supervision: { minBackoffMs: 5, maxBackoffMs: 20, maxRestarts: 50, withinMs: 60_000 },
};

const METERS = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => entityId('meter', name));
const known = new Set<EntityId>(METERS);
const POPULATION: Population = {
  kinds: [meterKind],
  residents: METERS,
  definitionOf: (id) => (known.has(id) ? null : undefined),
  followersOf: () => [],
  watchersOf: () => [],
};

let server: NatsServer;
before(async () => {
  if (noNats === false) server = await NatsServer.start();
});
after(async () => {
  if (noNats === false) await server.remove();
});

let prefixes = 0;
async function openStorages(t: TestContext, overrides: Partial<NatsLogOptions> = {}) {
  const temp = tempDir('nats-outage');
  const local = await openStorage(temp.dir);
  const place = {
    url: server.url,
    name: 'test',
    startTimeoutMs: 10_000,
    prefix: `outage-${++prefixes}`,
    replicas: 1,
    maxAgeMs: 86_400_000,
  };
  const log = await openNatsLog(place, overrides);
  t.after(async () => {
    await log.close();
    await local.close();
    temp.remove();
  });
  return { storage: { ...local, log }, another: () => openNatsLog(place, overrides) };
}

/** A source that sends each number until it is answered for, as a broker does at QoS 1. */
class Source {
  readonly refusals = new Map<string, number>();
  sent = 0;
  #stopped = false;
  readonly ended: Promise<void>;

  constructor(node: Node, id: EntityId) {
    this.ended = this.#run(node, id);
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return this.ended;
  }

  async #run(node: Node, id: EntityId): Promise<void> {
    for (let value = 1; !this.#stopped; value++) {
      for (;;) {
        try {
          await node.ingest(id, { gatewayTimeMs: Date.now(), value });
          break;
        } catch (error) {
          const code = codeOf(error) ?? String(error);
          this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
      this.sent = value;
    }
  }
}

/** One for each meter. They end with the test, also where it fails: nothing else ends them, nor the file after them. */
function startSources(t: TestContext, node: Node): Source[] {
  const sources = METERS.map((id) => new Source(node, id));
  t.after(() => {
    for (const source of sources) void source.stop();
  });
  return sources;
}

const logPart = (node: Node) => node.health().parts.find(({ name }) => name === 'log');
const view = (node: Node, id: EntityId) => {
  node.live.flush();
  return node.live.cell(id)?.view;
};
const numbers = (to: number) => Array.from({ length: to }, (_, index) => index + 1);
const settled = (node: Node, sources: readonly Source[]) =>
  until(
    'all that was answered for has arrived',
    () =>
      METERS.every((id, index) => {
        const sent = sources[index]?.sent ?? 0;
        const seen = view(node, id);
        // The last decision is committed a moment after the reading was seen.
        return seen?.values?.last === sent && seen.props?.tens === Math.floor(sent / 10);
      }),
    30_000,
  );

/** Every number once and in order in the log, in the actors, and every decision once in the journal. */
async function checkAll(node: Node, storage: { log: TelemetryLog; journal: Journal }, sources: readonly Source[]) {
  await settled(node, sources);
  const logged = await readAll(storage.log, 0, 5000);
  for (const [index, id] of METERS.entries()) {
    const sent = sources[index]?.sent ?? 0;
    assert.ok(sent > 50, `${id} has sent ${sent}`);
    assert.deepEqual(valuesOf(logged, id), numbers(sent), `${id} in the log`);
    assert.deepEqual(view(node, id)?.props, { tens: Math.floor(sent / 10), gaps: 0, repeats: 0 });
    const decided = await storage.journal.events(id, 0);
    assert.deepEqual(
      decided.map(({ event }) => Reflect.get(Object(event), 'value')),
      numbers(Math.floor(sent / 10)).map((ten) => ten * 10),
      `${id} in the journal`,
    );
  }
}

const valuesOf = (logged: readonly PositionedRecord[], id: EntityId) =>
  logged.filter(({ source }) => source === id).map(({ observation }) => Reflect.get(Object(observation), 'value'));

test('a server that is killed and started again under load costs nothing, and sources only wait', {
  skip: noNats,
}, async (t) => {
  const { storage } = await openStorages(t);
  const node = await startNode(storage, POPULATION);
  const sources = startSources(t, node);
  for (let round = 0; round < 3; round++) {
    const from = sources[0]?.sent ?? 0;
    await until('readings flow', () => sources.every(({ sent }) => sent > from + 50), 30_000);
    assert.equal(logPart(node)?.status, 'healthy');
    await server.kill('SIGKILL');
    await until('health says so', () => logPart(node)?.status === 'unhealthy', 20_000);
    assert.match(logPart(node)?.detail ?? '', /no connection to NATS at 127\.0\.0\.1:\d+ since/);
    const answered = sources.map(({ sent }) => sent);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(
      sources.map(({ sent }) => sent),
      answered,
      'nobody is answered meanwhile',
    );
    await server.restart();
    await until('health is whole again', () => logPart(node)?.status === 'healthy', 20_000);
  }
  await Promise.all(sources.map((source) => source.stop()));
  await checkAll(node, storage, sources);
  for (const { refusals } of sources) assert.equal(refusals.size, 0, 'outages were shorter than the patience');
  await node.stop();
});

test('an outage longer than the patience is refused to the sources, and what they send again is stored once', {
  skip: noNats,
}, async (t) => {
  const { storage } = await openStorages(t, { ackTimeoutMs: 200, giveUpMs: 400 });
  const node = await startNode(storage, POPULATION);
  const sources = startSources(t, node);
  for (let round = 0; round < 2; round++) {
    const from = sources[0]?.sent ?? 0;
    await until('readings flow', () => sources.every(({ sent }) => sent > from + 50), 30_000);
    await server.kill('SIGKILL');
    await until(
      'all are refused',
      () => sources.every(({ refusals }) => (refusals.get('UNAVAILABLE') ?? 0) > round),
      20_000,
    );
    await server.restart();
  }
  await until('readings flow again', () => sources.every(({ sent }) => sent > 150), 30_000);
  await Promise.all(sources.map((source) => source.stop()));
  await checkAll(node, storage, sources);
  await until('health is whole again', () => node.health().status === 'healthy', 20_000);
  await node.stop();
});

test('a node that crashed goes on from its snapshots, with what others wrote meanwhile', {
  skip: noNats,
}, async (t) => {
  const { storage, another } = await openStorages(t);
  const first = await startNode(storage, POPULATION, { checkpointIntervalMs: 50 });
  const sources = startSources(t, first);
  await until('readings flow', () => sources.every(({ sent }) => sent > 200), 30_000);
  await Promise.all(sources.map((source) => source.stop()));
  await until('a checkpoint covers some of it', () => first.covered > 0, 20_000);
  await first.halt();

  const other = await another();
  for (const [index, id] of METERS.entries()) {
    const sent = sources[index]?.sent ?? 0;
    for (let value = sent + 1; value <= sent + 25; value++) {
      await other.append([{ source: id, observation: { gatewayTimeMs: Date.now(), value } }]);
    }
    if (sources[index]) sources[index].sent += 25;
  }
  const second = await startNode(storage, POPULATION);
  await settled(second, sources);
  const [id, source] = [METERS[0], sources[0]];
  assert.ok(id && source);
  await other.append([{ source: id, observation: { gatewayTimeMs: Date.now(), value: ++source.sent } }]);
  await checkAll(second, storage, sources);
  await other.close();
  await second.stop();
});

test('what actors cannot keep up with waits in the stream and not in memory', { skip: noNats }, async (t) => {
  const { storage, another } = await openStorages(t);
  const slow: typeof meterKind = {
    ...meterKind,
    observe(state, reading, turn) {
      const endMs = performance.now() + 0.02;
      while (performance.now() < endMs);
      return meterKind.observe?.(state, reading, turn) ?? [];
    },
  };
  const node = await startNode(storage, { ...POPULATION, kinds: [slow] }, { maxOutstanding: 500 });
  const other = await another();
  const count = 15_000;
  const [id] = METERS;
  assert.ok(id);
  await other.append(
    numbers(count).map((value) => ({ source: id, observation: { gatewayTimeMs: Date.now(), value } })),
  );
  let most = 0;
  await until(
    'it has seen all',
    () => {
      most = Math.max(most, node.entity(id)?.waiting ?? 0);
      return view(node, id)?.props?.tens === count / 10;
    },
    30_000,
  );
  assert.ok(most > 100 && most <= 500 + 1024, `${most} waited at most`);
  assert.deepEqual(view(node, id)?.props, { tens: count / 10, gaps: 0, repeats: 0 });
  await other.close();
  await node.stop();
});

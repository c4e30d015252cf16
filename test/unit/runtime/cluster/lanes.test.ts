import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type RouteEffect, type RouteInput, routeOf, stepRoute } from '../../../../runtime/cluster/route.ts';
import { TIMING } from '../../../../runtime/cluster/timing.ts';
import { type EntityId, entityId } from '../../../../runtime/ids.ts';

const owner = { node: 'core-1', epoch: 1 };
const at = (monoMs: number) => ({ monoMs, wallMs: monoMs });

/** Elements of arrays and maps that were made for a state, and not taken over from the one before it. */
function made(before: object, after: object): number {
  const known = new Set<unknown>();
  let count = 0;
  const walk = (value: unknown, visit: (container: object) => boolean) => {
    const left: unknown[] = [value];
    for (let next = left.pop(); left.length > 0 || next !== undefined; next = left.pop()) {
      if (typeof next !== 'object' || next === null || !visit(next)) continue;
      left.push(...(next instanceof Map ? next.values() : Object.values(next)));
    }
  };
  walk(before, (container) => !known.has(container) && Boolean(known.add(container)));
  walk(after, (container) => {
    if (known.has(container)) return false;
    known.add(container);
    if (container instanceof Map) count += container.size;
    else if (Array.isArray(container)) count += container.length;
    else count += 1;
    return true;
  });
  return count;
}

/** The most that is made, and the most messages that are looked at, in a step while so many entities have something waiting. */
function costOf(entities: number): { readonly made: number; readonly seen: number } {
  const timing = { ...TIMING, heldMessages: 10 * entities };
  const cost = { made: 0, seen: 0 };
  let seen = 0;
  let route = routeOf(0);
  let requests: Extract<RouteEffect, { kind: 'request' }>[] = [];
  const feed = (input: RouteInput, counts = true) => {
    const before = route;
    seen = 0;
    const { state, effects } = stepRoute(route, input, timing);
    route = state;
    cost.seen = Math.max(cost.seen, seen);
    for (const effect of effects) if (effect.kind === 'request') requests.push(effect);
    if (counts) cost.made = Math.max(cost.made, made(before, state));
  };
  const send = (index: number, counts: boolean) => {
    const message = {
      entity: entityId('asset', `pump-${index % entities}`),
      commandId: `${index}`,
      get deadlineMonoMs() {
        seen += 1;
        return 10_000;
      },
      body: null,
    };
    feed({ kind: 'send', at: at(index), message }, counts);
  };
  for (let index = 0; index < 2 * entities; index++) send(index, index >= 2 * entities - 10);
  // It may send as many as may be under way: as much as so many steps.
  feed({ kind: 'learnt', at: at(2 * entities), owner }, false);
  assert.equal(requests.length, timing.requestsUnderWay);
  for (let round = 0; round < 2; round++) {
    const now = requests.slice(0, 20);
    requests = requests.slice(20);
    for (const { entity, n } of now) feed({ kind: 'answered', at: at(2 * entities), entity, n, answer: null });
    feed({ kind: 'tick', at: at(2 * entities) });
  }
  return cost;
}

test('a step costs the same however many entities have messages waiting', () => {
  const [few, many] = [costOf(100), costOf(2000)];
  assert.ok(many.seen <= few.seen, `${few.seen} messages looked at, then ${many.seen}`);
  // Twenty times as many lanes: each of its two changes copies one of 64 buckets, and the list of those.
  assert.ok(few.made > 0 && many.made < few.made + 2000 / 10, `${few.made} made, then ${many.made}`);
});

const actions = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), to: fc.nat(5), lives: fc.nat(3000) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('answer' as const), which: fc.nat(9) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('refuse' as const, 'fail' as const), which: fc.nat(9) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(900) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('learn' as const) }) },
  ),
  { maxLength: 80 },
);

test('of each entity one message is under way, the oldest; all are told their end once, and numbers say what is waited for', () => {
  const timing = { ...TIMING, requestsUnderWay: 3, heldMessages: 20 };
  fc.assert(
    fc.property(actions, (all) => {
      let route = routeOf(0);
      let [monoMs, sent, epoch] = [0, 0, 0];
      /** Messages without an end, in the order in which they were sent. */
      const open = new Map<string, { readonly entity: EntityId; readonly deadlineMonoMs: number }>();
      let underWay: { readonly entity: EntityId; readonly n: number; readonly id: string }[] = [];
      const feed = (input: RouteInput) => {
        const { state, effects } = stepRoute(route, input, timing);
        route = state;
        const floors: number[] = [];
        for (const effect of effects) {
          if (effect.kind === 'answer' || effect.kind === 'giveUp') {
            assert.ok(open.delete(effect.commandId), `${effect.commandId} has one end`);
            underWay = underWay.filter(({ id }) => id !== effect.commandId);
          } else if (effect.kind === 'request') {
            const { entity, n, floor, message } = effect;
            // One that hung was given up for this one.
            underWay = underWay.filter((request) => request.id !== message.commandId);
            assert.ok(!underWay.some((request) => request.entity === entity), `${entity} has one under way`);
            const oldest = [...open].find(([, other]) => other.entity === entity);
            assert.equal(message.commandId, oldest?.[0]);
            underWay.push({ entity, n, id: message.commandId });
            floors.push(floor);
          }
        }
        // Of several that hung each is sent anew in this step: before the last is, the first's floor is above it.
        for (const floor of floors) assert.ok(underWay.every((request) => request.n >= floor));
        assert.equal(route.lanes.held, open.size);
        assert.ok(route.lanes.underWay <= timing.requestsUnderWay);
      };
      const one = (which: number) => underWay[which % Math.max(1, underWay.length)];
      for (const action of all) {
        if (action.do === 'send') {
          const message = { entity: entityId('asset', `${action.to}`), deadlineMonoMs: monoMs + action.lives };
          const commandId = `${sent++}`;
          open.set(commandId, message);
          feed({ kind: 'send', at: at(monoMs), message: { ...message, commandId, body: null } });
        } else if (action.do === 'wait') {
          monoMs += action.ms;
          feed({ kind: 'tick', at: at(monoMs) });
          for (const { deadlineMonoMs } of open.values()) assert.ok(deadlineMonoMs > monoMs, 'its time is up');
        } else if (action.do === 'learn') {
          feed({ kind: 'learnt', at: at(monoMs), owner: { node: 'core-1', epoch: ++epoch } });
        } else {
          const request = one(action.which);
          if (request === undefined) continue;
          const { entity, n } = request;
          if (action.do !== 'answer') underWay = underWay.filter((other) => other !== request);
          if (action.do === 'answer') feed({ kind: 'answered', at: at(monoMs), entity, n, answer: null });
          else if (action.do === 'fail') feed({ kind: 'failed', at: at(monoMs), entity, n });
          else feed({ kind: 'refused', at: at(monoMs), entity, n, owner: undefined });
        }
      }
      // Nothing is stuck: with an owner that answers, and time, everything ends.
      feed({ kind: 'learnt', at: at(monoMs), owner: { node: 'core-1', epoch: ++epoch } });
      for (let round = 0; open.size > 0; round++) {
        assert.ok(round < 200, `${open.size} are held for good`);
        monoMs += 100;
        feed({ kind: 'tick', at: at(monoMs) });
        for (const { entity, n } of [...underWay]) feed({ kind: 'answered', at: at(monoMs), entity, n, answer: null });
      }
      assert.equal(route.lanes.underWay, 0);
      assert.equal(route.lanes.begun.front, undefined);
      assert.equal(route.lanes.ready.front, undefined);
      assert.ok(route.lanes.buckets.every((bucket) => bucket.length === 0));
    }),
    {
      numRuns: 300,
      examples: [
        // Two requests hang at one time.
        [
          [
            { do: 'send', to: 0, lives: 1501 },
            { do: 'learn' },
            { do: 'send', to: 1, lives: 1501 },
            { do: 'wait', ms: 716 },
            { do: 'wait', ms: 784 },
          ],
        ],
      ],
    },
  );
});

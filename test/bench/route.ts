/**
 * What a sender of commands pays for the messages that it holds for one shard. Method: so many entities have one message each
 * while the shard moves; it comes back, every message is answered; and as many rounds in which each entity asks again the
 * moment that it has its answer. Processor time of the pure machine alone, in µs a message.
 *
 *     node --import ./test/support/register.mjs test/bench/route.ts [entities=1000] [rounds=20]
 */
import { type RouteEffect, type RouteInput, routeOf, stepRoute } from '../../runtime/cluster/route.ts';
import { TIMING } from '../../runtime/cluster/timing.ts';
import { entityId } from '../../runtime/ids.ts';

const [entities = 1000, rounds = 20] = process.argv.slice(2).map(Number);
const ids = Array.from({ length: entities }, (_, index) => entityId('asset', `pump-${index}`));
const timing = { ...TIMING, heldMessages: entities };
type Request = Extract<RouteEffect, { kind: 'request' }>;

let route = routeOf(0);
let monoMs = 0;
let requests: Request[] = [];

function feed(input: RouteInput): void {
  const { state, effects } = stepRoute(route, input, timing);
  route = state;
  for (const effect of effects) if (effect.kind === 'request') requests.push(effect);
}

const instant = () => ({ monoMs, wallMs: monoMs });

function send(index: number): void {
  const entity = ids[index % entities];
  if (entity === undefined) return;
  const message = { entity, commandId: `${index}`, deadlineMonoMs: monoMs + 10_000, body: null };
  feed({ kind: 'send', at: instant(), message });
}

/** Answers everything that is under way, until nothing is; each answer may be followed by the entity's next message. */
function answerAll(again: (answered: number) => void): number {
  let answered = 0;
  while (requests.length > 0) {
    const now = requests;
    requests = [];
    monoMs += 1;
    for (const { entity, n } of now) {
      feed({ kind: 'answered', at: instant(), entity, n, answer: null });
      again(answered++);
    }
    feed({ kind: 'tick', at: instant() });
  }
  if (route.lanes.held > 0) throw new Error(`${route.lanes.held} messages are held for good`);
  return answered;
}

function measure(what: string, work: () => number): void {
  const before = process.cpuUsage();
  const messages = work();
  const { user, system } = process.cpuUsage(before);
  console.log(`${what.padEnd(44)} ${((user + system) / messages).toFixed(2)} µs a message`);
}

for (const stage of ['cold', 'warm']) {
  route = routeOf(0);
  measure(`${stage}: ${entities} are held while the shard moves`, () => {
    for (let index = 0; index < entities; index++) send(index);
    return entities;
  });
  feed({ kind: 'learnt', at: instant(), owner: { node: 'core-1', epoch: 1 } });
  measure(`${stage}: it comes back, all are answered`, () => answerAll(() => undefined));
  measure(`${stage}: ${entities} ask again and again`, () => {
    for (let index = 0; index < entities; index++) send(index);
    let left = entities * rounds;
    return answerAll(() => left-- > 0 && send(left));
  });
}

import { InvariantBroken } from '../../runtime/cluster/machine.ts';
import { targetsOf } from '../../runtime/cluster/shard-map.ts';
import { Checker, DamageFound } from './checker.ts';
import { Client } from './client.ts';
import { Database } from './database.ts';
import { FAULTS_UNTIL_MS, scheduleFaults } from './faults.ts';
import { Network } from './network.ts';
import { CLIENTS, NODES, type Sabotage, SPARE } from './plant.ts';
import { Process } from './process.ts';
import { Readings } from './readings.ts';
import type { Surroundings } from './surroundings.ts';
import { World } from './world.ts';

/**
 * From the end of the faults to rest: a process that stands still for 3 leases from just before it wakes, the last lease runs
 * out, membership stands still for 8 s, and then six rounds of one shard each, a view or two apart.
 */
export const SETTLED_WITHIN_MS = 30_000;

/** A usual schedule takes 1,600. */
const MAX_STEPS = 60_000;

export interface Outcome {
  readonly damage: DamageFound | undefined;
  readonly seen: Checker['seen'];
  readonly steps: number;
  readonly settledAfterMs: number;
  readonly faults: readonly string[];
}

/** One schedule, from its seed alone. */
export function simulate(seed: number, sabotage: Sabotage = {}): Outcome {
  const world = new World(seed);
  const database = new Database(world, sabotage);
  const network = new Network(world);
  const checker = new Checker(database);
  const readings = new Readings(world, checker);
  const processes = new Map<string, Process>();
  const clients = new Map<string, Client>();
  const around: Surroundings = {
    world,
    database,
    network,
    checker,
    sabotage,
    readings,
    processOf: (node) => processes.get(node),
    announce: (client, shard, owner) => clients.get(client)?.learn(shard, owner),
  };
  for (const node of [...NODES, SPARE]) processes.set(node, new Process(node, around));
  for (const node of NODES) world.in(world.random.between(0, 1000), () => processes.get(node)?.start());
  for (const name of CLIENTS) clients.set(name, new Client(name, around));
  const faults: string[] = [];
  scheduleFaults({ world, network, database, processes }, (text) => faults.push(text));

  const isAtRest = () =>
    isSettled(database, processes) &&
    checker.unwritten.size === 0 &&
    [...clients.values()].every((client) => client.unanswered === 0);
  // What was decided without the journal is recorded by now, or its new owner has decided it from the log.
  const settled = () => isAtRest() && checker.undecided(readings.all()).length === 0;
  const outcome = (damage: DamageFound | undefined): Outcome => {
    const settledAfterMs = world.nowMs - FAULTS_UNTIL_MS;
    return { damage, seen: checker.seen, steps: world.steps, settledAfterMs, faults };
  };
  const check = () => {
    checker.check();
    if (world.steps > MAX_STEPS) throw new DamageFound('not-settled-in-time', 'the nodes keep each other busy');
  };
  try {
    while (world.step(FAULTS_UNTIL_MS)) check();
    for (const client of clients.values()) client.inventing = false;
    readings.coming = false;
    network.heal();
    for (const node of NODES) if (processes.get(node)?.ended) processes.get(node)?.start();
    const end = FAULTS_UNTIL_MS + SETTLED_WITHIN_MS;
    while (!settled()) {
      for (const next = world.nowMs + 500; world.step(next); ) check();
      if (world.nowMs < end - 1000) continue;
      const undecided = checker.undecided(readings.all());
      if (undecided.length > 0 && isAtRest()) throw new DamageFound('decision-not-recorded', undecided.join(', '));
      throw new DamageFound('not-settled-in-time', report(database, processes, clients, checker.unwritten));
    }
  } catch (error) {
    if (error instanceof DamageFound) return outcome(error);
    if (error instanceof InvariantBroken) return outcome(new DamageFound('invariant-broken', error.message));
    throw error;
  }
  return outcome(undefined);
}

/** Every shard is open at the node where it belongs, in its row and in that node's memory. */
function isSettled(database: Database, processes: ReadonlyMap<string, Process>): boolean {
  const view = database.view();
  const targets = targetsOf(view);
  return view.shards.every(({ shard, state, owner, epoch }) => {
    if (state !== 'open' || owner === null || owner.node !== targets.get(shard)) return false;
    return processes.get(owner.node)?.isOpen(shard, epoch) === true;
  });
}

function report(
  database: Database,
  processes: ReadonlyMap<string, Process>,
  clients: ReadonlyMap<string, Client>,
  unwritten: ReadonlySet<string>,
): string {
  const view = database.view();
  const targets = targetsOf(view);
  const shards = view.shards.map(
    ({ shard, state, owner, epoch }) => `${shard}@${epoch} ${state} ${owner?.incarnation} -> ${targets.get(shard)}`,
  );
  const nodes = [...processes.values()].map(
    ({ node, ended, member }) =>
      `${node} ${ended ? 'ended' : member.lease.status} ${member.lease.incarnation} [${member.shards.map(({ phase }) => phase.kind)}]`,
  );
  const open = [...clients.values()].map(({ name, unanswered }) => `${name}: ${unanswered} unanswered`);
  const pending = [...unwritten].map((commandId) => `${commandId} is not written`);
  return [...shards, ...nodes, ...open, ...pending].join('\n  ');
}

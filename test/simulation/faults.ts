import type { Database } from './database.ts';
import type { Network } from './network.ts';
import { CLIENTS, NODES, SPARE, TIMES } from './plant.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/** Faults begin after everything is up and end before this. */
export const FAULTS_FROM_MS = 3000;
export const FAULTS_UNTIL_MS = 14_000;

interface Stage {
  readonly world: World;
  readonly network: Network;
  readonly database: Database;
  readonly processes: ReadonlyMap<string, Process>;
}

type Fault = (stage: Stage, process: Process, lastsMs: number) => string;

const LEASES = [0.5, 1.5, 3].map((leases) => leases * TIMES.leaseTtlMs);

function until(world: World, ms: number, end: () => void): void {
  world.in(Math.min(ms, FAULTS_UNTIL_MS - world.nowMs), end);
}

/** Each begins something and sees to its end. The text is for the report of a schedule that failed. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  crash({ world }, process, lastsMs) {
    process.crash();
    until(world, lastsMs * world.random.next(), () => process.ended && process.start());
    return 'kill -9, then again';
  },
  pause({ world }, process) {
    const ms = world.random.pick(LEASES);
    process.pause(ms, false);
    return `stopped for ${ms} ms`;
  },
  stoppedBeforeSending({ world, network }, process) {
    const ms = world.random.pick(LEASES.slice(1));
    const { waiting } = network;
    network.waiting = 0.8;
    until(world, 900, () => {
      network.waiting = Math.min(waiting, 0.1);
      process.pause(ms, false);
    });
    return `stopped for ${ms} ms with calls to the journal that have not left`;
  },
  sleep({ world }, process) {
    const ms = world.random.pick(LEASES);
    process.pause(ms, true);
    return `machine asleep for ${ms} ms`;
  },
  busyLoop({ world }, process) {
    const ms = world.random.between(300, 3 * TIMES.leaseTtlMs);
    process.pause(ms, false);
    return `busy for ${Math.round(ms)} ms`;
  },
  manyStalls({ world }, process, lastsMs) {
    const stall = (leftMs: number) => {
      if (leftMs <= 0) return;
      process.pause(world.random.between(200, 1300), false);
      world.in(world.random.between(600, 2000), () => stall(leftMs - 1500));
    };
    stall(lastsMs);
    return 'stalls again and again';
  },
  wallJump({ world }, process) {
    if (process.paused) return 'nothing';
    const ms = world.random.pick([-60_000, -2000, -120, 120, 2000, 60_000]);
    process.setClockBy(ms);
    return `wall clock set by ${ms} ms`;
  },
  cutFromDatabase({ world, network }, { node }, lastsMs) {
    const way = world.random.below(3);
    if (way !== 1) network.cut(node, 'db', true);
    if (way !== 2) network.cut('db', node, true);
    until(world, lastsMs, () => {
      network.cut(node, 'db', false);
      network.cut('db', node, false);
    });
    return ['cut from the database', 'deaf to the database', 'mute to the database'][way] ?? '';
  },
  slowDatabase({ world, network }, { node }, lastsMs) {
    const ms = world.random.pick([600, 1500, 4000]);
    network.slow(node, 'db', ms);
    network.slow('db', node, ms);
    until(world, lastsMs, () => {
      network.slow(node, 'db', 0);
      network.slow('db', node, 0);
    });
    return `database slow by ${ms} ms`;
  },
  databaseDown({ world, network, processes }, _process, lastsMs) {
    const ends = [...processes.keys(), ...CLIENTS];
    const cut = (down: boolean) => {
      for (const end of ends) {
        network.cut(end, 'db', down);
        network.cut('db', end, down);
      }
    };
    cut(true);
    until(world, lastsMs, () => cut(false));
    return 'database down';
  },
  cutFromClients({ world, network }, { node }, lastsMs) {
    const oneWay = world.random.chance(0.5);
    const cut = (down: boolean) => {
      for (const client of CLIENTS) {
        network.cut(node, client, down);
        if (!oneWay) network.cut(client, node, down);
      }
    };
    cut(true);
    until(world, lastsMs, () => cut(false));
    return oneWay ? 'mute to clients' : 'cut from clients';
  },
  lossy({ world, network }, _process, lastsMs) {
    network.lossy = 0.2;
    network.doubling = 0.2;
    until(world, lastsMs, () => {
      network.lossy = 0;
      network.doubling = 0;
    });
    return 'loses and doubles messages';
  },
  hungRenewals({ world }, process, lastsMs) {
    process.renewalsHang = true;
    until(world, lastsMs, () => {
      process.renewalsHang = false;
    });
    return 'renewals hang';
  },
  lostCommitAnswers({ world }, process, lastsMs) {
    process.commitsUnanswered = true;
    until(world, lastsMs, () => {
      process.commitsUnanswered = false;
    });
    return 'commits without an answer';
  },
  leaveAndComeBack({ world }, process, lastsMs) {
    process.leave();
    const comeBack = () => {
      if (process.ended) process.start();
      else if (world.nowMs < FAULTS_UNTIL_MS + 4000) world.in(500, comeBack);
    };
    until(world, lastsMs, comeBack);
    return 'leaves, comes back';
  },
  spareJoins({ processes }) {
    const spare = processes.get(SPARE);
    if (spare?.ended) spare.start();
    return 'a fourth node joins';
  },
};

/** A seed's own schedule: a handful of faults, often at once and often on the same node. */
export function scheduleFaults(stage: Stage, log: (text: string) => void): void {
  const { world, processes } = stage;
  const { random } = world;
  const names = Object.keys(FAULTS);
  // Most schedules dwell on few kinds: what hurts is the combination, again and again.
  const kinds = Array.from({ length: 1 + random.below(4) }, () => random.pick(names));
  const count = 2 + random.below(7);
  for (let i = 0; i < count; i++) {
    const name = random.pick(kinds);
    const node = random.pick(NODES);
    world.in(random.between(FAULTS_FROM_MS, FAULTS_UNTIL_MS - 2000), () => {
      const process = processes.get(node);
      const fault = FAULTS[name];
      if (process && fault)
        log(`${Math.round(world.nowMs)} ${node} ${name}: ${fault(stage, process, random.between(300, 7000))}`);
    });
  }
}

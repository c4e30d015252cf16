import type { Instant } from '../../runtime/cluster/instant.ts';
import { type Route, type RouteEffect, type RouteInput, routeOf, stepRoute } from '../../runtime/cluster/route.ts';
import type { Epoch, Shard } from '../../runtime/ownership.ts';
import { type Answer, type Command, ENTITIES, SHARDS, shardOfEntity, TIMES } from './plant.ts';
import type { Surroundings } from './surroundings.ts';
import { Clock } from './world.ts';

const DEADLINE_MS = 4000;

/**
 * A sender of commands, as a gateway is: it keeps several under way, and repeats under the same id what it was not told the
 * end of. It stops inventing commands when the faults end, and goes on until every one has an answer.
 */
export class Client {
  readonly name: string;
  inventing = true;
  readonly #around: Surroundings;
  readonly #clock: Clock;
  readonly #routes: Route[] = Array.from({ length: SHARDS }, (_, shard) => routeOf(shard));
  readonly #open = new Map<string, Command>();
  #invented = 0;

  constructor(name: string, around: Surroundings) {
    this.name = name;
    this.#around = around;
    this.#clock = new Clock(around.world, 0.005);
    this.#tick();
    this.#invent();
  }

  get unanswered(): number {
    return this.#open.size;
  }

  learn(shard: Shard, owner: { readonly node: string; readonly epoch: Epoch }): void {
    this.#feed(shard, { kind: 'learnt', at: this.#now(), owner });
  }

  #now(): Instant {
    return this.#clock.read();
  }

  #tick(): void {
    const at = this.#now();
    // Routes that hold nothing have no use for the time.
    if (this.#open.size > 0) for (let shard = 0; shard < SHARDS; shard++) this.#feed(shard, { kind: 'tick', at });
    this.#around.world.in(TIMES.tickIntervalMs, () => this.#tick());
  }

  #invent(): void {
    const { random } = this.#around.world;
    this.#around.world.in(random.between(180, 1900), () => {
      if (!this.inventing) return;
      // Often several to one entity at once: their order is what is tested.
      const entity = random.pick(ENTITIES);
      for (let count = random.chance(0.3) ? 3 : 1; count > 0; count--) {
        const commandId = `${this.name}-${this.#invented++}`;
        const amount = random.below(9) - 4;
        this.#send({ commandId, client: this.name, entity, amount, writes: random.chance(0.4) });
      }
      this.#invent();
    });
  }

  #send(command: Command): void {
    const { entity, commandId } = command;
    this.#open.set(commandId, command);
    this.#around.checker.sent(command);
    const at = this.#now();
    const message = { entity, commandId, deadlineMonoMs: at.monoMs + DEADLINE_MS, body: command };
    this.#feed(shardOfEntity(entity), { kind: 'send', at, message });
  }

  #feed(shard: Shard, input: RouteInput): void {
    const route = this.#routes[shard];
    if (!route) throw new RangeError(`there is no shard ${shard}`);
    const { state, effects } = stepRoute(route, input, TIMES);
    this.#routes[shard] = state;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: RouteEffect): void {
    const { checker, world } = this.#around;
    switch (effect.kind) {
      case 'request':
        this.#request(effect);
        return;
      case 'lookUp':
        this.#lookUp(effect.shard);
        return;
      case 'answer': {
        const command = this.#open.get(effect.commandId);
        this.#open.delete(effect.commandId);
        if (command) checker.answered(command, effect.answer as Answer);
        return;
      }
      case 'giveUp': {
        const command = this.#open.get(effect.commandId);
        if (command)
          world.in(world.random.between(50, 1000), () => this.#open.has(effect.commandId) && this.#send(command));
        return;
      }
    }
  }

  #request(effect: Extract<RouteEffect, { kind: 'request' }>): void {
    const { network, processOf } = this.#around;
    const { shard, entity, n, floor, owner } = effect;
    const command = effect.message.body as Command;
    const back = (input: (at: Instant) => RouteInput) =>
      network.send(owner.node, this.name, () => this.#feed(shard, input(this.#now())));
    network.send(this.name, owner.node, () => {
      const process = processOf(owner.node);
      if (!process || process.ended) return back((at) => ({ kind: 'failed', at, entity, n }));
      process.request({
        shard,
        entity,
        sender: this.name,
        epoch: owner.epoch,
        n,
        floor,
        command,
        answered: (answer) => back((at) => ({ kind: 'answered', at, entity, n, answer })),
        refused: (newer) => back((at) => ({ kind: 'refused', at, entity, n, owner: newer })),
      });
    });
  }

  #lookUp(shard: Shard): void {
    const { network, database } = this.#around;
    network.line(this.name, 'db', () => {
      const row = database.shards[shard];
      const owner = row?.owner;
      if (!row || !owner) return;
      const { epoch } = row;
      network.line('db', this.name, () => this.learn(shard, { node: owner.node, epoch }));
    });
  }
}

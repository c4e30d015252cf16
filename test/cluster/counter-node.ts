// One node of a cell as a process: ownership, routes and journal as the product has them, over entities that count.

import pino from 'pino';
import { z } from 'zod';
import { Membership } from '../../runtime/cluster/membership.ts';
import { RoutedRequestSchema } from '../../runtime/cluster/request.ts';
import { RequestDesk } from '../../runtime/cluster/request-desk.ts';
import { ASK, Routes } from '../../runtime/cluster/routes.ts';
import { timingFor } from '../../runtime/cluster/timing.ts';
import { CommandId, EntityId } from '../../runtime/ids.ts';
import { MoleculerLink } from '../../runtime/moleculer/link.ts';
import { SHARD_COUNT, shardOf } from '../../runtime/ownership.ts';
import { openPostgres } from '../../runtime/sql/open-postgres.ts';
import { postgresAddress } from '../../runtime/sql/postgres-url.ts';
import { CounterShards } from './counter-shards.ts';

const Settings = z.object({
  NODE: z.string(),
  DATABASE_URL: z.string(),
  NATS_URL: z.string(),
  LEASE_MS: z.coerce.number(),
});
const Owner = z.object({ shard: z.number(), node: z.string(), epoch: z.number() });
const Order = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('ask'),
    id: z.number(),
    entity: EntityId,
    command: z.unknown(),
    commandId: CommandId,
    user: z.string(),
  }),
  z.object({ kind: z.literal('leave') }),
]);

const settings = Settings.parse(process.env);
const node = settings.NODE;
const timing = timingFor(settings.LEASE_MS);
const store = await openPostgres(postgresAddress(settings.DATABASE_URL, {}), { leaseTtlMs: settings.LEASE_MS });
const say = (message: object) => process.send?.(message);
const link = new MoleculerLink({
  node,
  cell: 'core',
  nats: { url: settings.NATS_URL },
  log: pino({ level: 'silent' }),
  changed: () => undefined,
});
const shards = new CounterShards({
  journal: store.journal,
  epochOf: (shard) => membership.epochOf(shard),
  life: () => membership.life,
  fenced: (shard, reason) => {
    say({ kind: 'fenced', shard, reason });
    membership.fenced(shard, reason);
  },
  opened: (shard, epoch) => {
    desk.forget(shard);
    routes.learn(shard, { node, epoch });
    link.announce('owner', { shard, node, epoch });
  },
  moving: (shard) => desk.move(shard),
});
const membership: Membership = new Membership({
  node,
  mayHold: true,
  successor: false,
  rows: store.cluster,
  host: shards,
  timing,
  hint: (to, shard, epoch) => link.tell(to, 'hint', { shard, node: to, epoch }),
  changed: (lease, reason) => say({ kind: 'lease', lease, reason }),
  broken: (error) => {
    say({ kind: 'broken', error: String(error) });
    process.exit(70);
  },
  failed: () => undefined,
});
const desk = new RequestDesk({
  timing,
  epochOf: (shard) => membership.epochOf(shard),
  ownerOf: (shard) => membership.ownerOf(shard),
  whyNot: () => undefined,
  ask: (to, command, options) => shards.ask(to, command, options),
});
const routes = new Routes({
  node,
  link,
  timing,
  shardCount: SHARD_COUNT,
  shardOf,
  local: (request) => desk.take(request),
  lookUp: async (shard) => {
    const row = (await store.cluster.view()).shards[shard];
    return row?.owner == null ? undefined : { node: row.owner.node, epoch: row.epoch };
  },
});

link.serve(ASK, (body) => desk.take(RoutedRequestSchema.parse(body)));
link.serve('owner', (body) => {
  const { shard, ...owner } = Owner.parse(body);
  routes.learn(shard, owner);
});
link.serve('hint', (body) => {
  const { shard, epoch } = Owner.parse(body);
  membership.hinted(shard, epoch);
});
process.on('message', (message) => {
  const order = Order.parse(message);
  if (order.kind === 'leave') {
    void membership.leave().then(async () => {
      routes.close();
      await link.stop();
      await store.close();
      process.exit(0);
    });
    return;
  }
  const { id, entity, command, commandId, user } = order;
  const asked = { commandId, by: { user, via: 'http' as const }, permissions: [], timeoutMs: 8000 };
  void routes.ask(entity, command, asked).then((reply) => say({ kind: 'reply', id, reply }));
});
process.on('disconnect', () => process.exit(0));

await link.start();
membership.start();
setInterval(() => say({ kind: 'open', shards: membership.open.length }), 100);
say({ kind: 'started' });

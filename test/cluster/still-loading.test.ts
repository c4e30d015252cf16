/**
 * Goal: a node that has just joined never gives a part of the plant for the whole of it: lists, snapshots and heartbeats say that
 * there may be more, until there is no more.
 * Method: two real processes of the product. The first owns everything and is killed while nobody has looked at the second yet;
 * a lock on the rows of the shards keeps the second from taking over for as long as the test looks.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from 'pg';
import { SHARD_COUNT } from '../../runtime/ownership.ts';
import { until } from '../support/condition.ts';
import { WsClient } from '../support/ws-client.ts';
import { PlantCell, shardsOf, skip } from './plant-cell.ts';

const DEVICES = 12;
const WITHIN_MS = 60_000;

interface List {
  readonly items: readonly { readonly id: string }[];
  readonly total: number;
  readonly complete: boolean;
  readonly loading?: { readonly shards: number; readonly of: number };
}

describe('a node that has just joined', { skip, timeout: 150_000 }, () => {
  let cell: PlantCell;
  let database: Client;
  before(async () => {
    cell = await PlantCell.start({ nodes: ['core-1'], devices: DEVICES, devicesPerConnection: DEVICES });
    database = new Client({ connectionString: cell.database });
    await database.connect();
  });
  after(async () => {
    await database?.end();
    await cell?.end();
  });

  test('says of lists, snapshots and heartbeats that there may be more, and no longer once there is not', async () => {
    const first = cell.node('core-1');
    const second = await cell.add('core-2');
    // Renewals of the lease are rows of another table.
    await database.query('BEGIN');
    await database.query('LOCK TABLE shard IN SHARE MODE');
    const owned = await shardsOf(second);
    assert.ok(owned < SHARD_COUNT, 'it has just joined');
    await first.kill();

    const part = await second.get<List>('/assets?limit=1000');
    assert.deepEqual([part.complete, part.loading], [false, { shards: SHARD_COUNT - owned, of: SHARD_COUNT }]);
    if (owned === 0) assert.equal(part.total, 0);
    for (const list of ['sites', 'devices', 'alarms', 'workorders', 'rules'])
      assert.equal((await second.get<List>(`/${list}`)).complete, false, list);

    const wall = await WsClient.open(`ws://127.0.0.1:${second.port}/ws`, { authorization: `Bearer ${second.key}` });
    wall.send({ op: 'subscribe', sub: 'assets', topic: 'assets', fields: ['props.name'] });
    await wall.waitFor('the snapshot', (c) => c.of('snapshot').some(({ more }) => more === false));
    const shown = new Set(wall.of('snapshot').flatMap(({ items }) => idsOf(items)));
    assert.equal(shown.size, part.total);
    assert.ok(wall.of('snapshot').every(({ loading }) => loading !== undefined));
    await wall.waitFor('a heartbeat that says so', (c) => c.of('heartbeat').at(-1)?.loading !== undefined);

    await database.query('ROLLBACK');
    let last = part;
    await until(
      'everything is there',
      async () => {
        last = await second.get<List>('/assets?limit=1000');
        // Whatever was said to be all is all.
        if (last.complete) assert.equal(last.total, DEVICES);
        return last.complete;
      },
      WITHIN_MS,
    );
    assert.equal(last.loading, undefined);
    await wall.waitFor(
      'one that does not',
      (c) => c.of('heartbeat').length > 0 && c.of('heartbeat').at(-1)?.loading === undefined,
    );
    for (const { items } of wall.of('delta')) for (const id of idsOf(items)) shown.add(id);
    assert.equal(shown.size, DEVICES, 'what was missing came by itself');
    wall.close();
  });
});

function idsOf(items: unknown): string[] {
  return Array.isArray(items) ? items.map(({ id }) => String(id)) : [];
}

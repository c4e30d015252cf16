import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SystemDefinition } from '../../../../actors/system/state.ts';
import { connectionKind } from '../../../../actors/system/system.ts';
import { entityId } from '../../../../runtime/ids.ts';
import { Bench } from '../plant.ts';

const RULE = 'connection-lost';

function bench(stored?: unknown) {
  const definition: SystemDefinition = {
    name: 'Broker',
    site: 'north',
    timeZone: 'UTC',
    rules: [],
    group: { id: 'broker', site: 'north', devices: ['a', 'b', 'c'], severity: 'CRITICAL', delaySeconds: 2 },
    certificateWarningDays: null,
  };
  return new Bench(connectionKind, entityId('connection', 'broker'), definition, stored);
}
type Connection = ReturnType<typeof bench>;

const record = ({ state }: Connection) => state.decided.alarms.get(RULE);
const lost = (connection: Connection, atMs: number) =>
  connection.command(atMs, { kind: 'ReportLink', state: 'lost', reason: 'connection_refused' });
const back = (connection: Connection, atMs: number) =>
  connection.command(atMs, { kind: 'ReportLink', state: 'up', reason: 'connected' });

describe('the alarm of a connection that is lost', () => {
  it('comes with the delay and the severity of its devices, and says how many they are', () => {
    const connection = bench().start();
    lost(connection, 0);
    assert.equal(record(connection), undefined);
    connection.runTo(2000);
    assert.equal(record(connection)?.detail, 'ACTIVE_UNACK');
    assert.equal(record(connection)?.occurrence?.severity, 'CRITICAL');
    assert.equal(
      record(connection)?.occurrence?.message,
      'No connection to Broker: the connection is refused. Without news of 3 devices, whose own alarms it stands for',
    );
    lost(connection, 3000);
    assert.equal(connection.events.length, 2, 'a loss that goes on is told once');
  });

  it('goes when the link has stayed for ten seconds', () => {
    const connection = bench().start();
    lost(connection, 0);
    connection.runTo(5000);
    back(connection, 6000);
    connection.runTo(15_999);
    assert.equal(record(connection)?.detail, 'ACTIVE_UNACK');
    connection.runTo(16_000);
    assert.equal(record(connection)?.detail, 'RTN_UNACK');
  });

  it('survives a restart with its link as it was', () => {
    const before = bench().start();
    lost(before, 0);
    before.runTo(2000);
    const again = bench(JSON.parse(JSON.stringify(before.encode()))).start(3000);
    assert.deepEqual(again.events, []);
    assert.equal(record(again)?.detail, 'ACTIVE_UNACK');
    back(again, 4000);
    again.runTo(14_000);
    assert.equal(record(again)?.detail, 'RTN_UNACK');
  });
});

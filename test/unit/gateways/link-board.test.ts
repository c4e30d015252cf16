import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionReport, Driver, DriverFactory, DriverHost } from '../../../gateways/driver.ts';
import { LinkBoard } from '../../../gateways/link-board.ts';
import type { ConnectionDefinition } from '../../../topology/plant.ts';
import { Connection } from '../../../topology/schema/device.ts';

const REPORT: ConnectionReport = {
  state: 'connected',
  errors: {},
  readingsPerSecond: 0,
  lastReadingAtMs: null,
  cycleOverruns: 0,
  queueDepth: 0,
};
const CONNECTION = {
  id: 'spare',
  name: 'Spare line',
  driver: 'modbus',
  settings: Connection.parse({ id: 'spare', driver: 'modbus', tcp: { host: '10.0.0.7' } }),
  devices: [],
} as unknown as ConnectionDefinition;

test('a connection without devices is a link, known from the first on and by its newest report', () => {
  let nowMs = 1000;
  const board = new LinkBoard([CONNECTION], () => nowMs);
  const link = { connection: 'spare', name: 'Spare line', driver: 'modbus', endpoint: '10.0.0.7:502', site: null };
  assert.deepEqual(board.read(), [{ ...link, report: undefined, sinceMs: undefined }]);
  let hosted: DriverHost | undefined;
  const factory: DriverFactory = (_, host) => {
    hosted = host;
    return {} as Driver;
  };
  const passedOn: ConnectionReport[] = [];
  const host = { report: (report: ConnectionReport) => passedOn.push(report) } as unknown as DriverHost;
  board.follow({ modbus: factory, opcua: factory, mqtt: factory }).modbus(CONNECTION, host);
  hosted?.report(REPORT);
  nowMs = 2000;
  const lastError = { code: 'connection_refused', message: 'refused', atMs: 2000 } as const;
  hosted?.report({ ...REPORT, state: 'waiting', lastError });
  nowMs = 3000;
  hosted?.report({ ...REPORT, state: 'connecting', lastError });
  const waiting = { ...REPORT, state: 'waiting', lastError } as const;
  nowMs = 4000;
  hosted?.report(waiting);
  assert.deepEqual(
    board.read(),
    [{ ...link, report: waiting, sinceMs: 2000 }],
    'lost since, however often it is tried',
  );
  assert.equal(passedOn.length, 4, 'and its devices are told as before');
});

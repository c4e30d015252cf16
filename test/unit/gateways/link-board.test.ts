import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionReport, Driver, DriverFactory, DriverHost } from '../../../gateways/driver.ts';
import { LinkBoard } from '../../../gateways/link-board.ts';
import type { ConnectionDefinition } from '../../../topology/plant.ts';

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
  devices: [],
} as unknown as ConnectionDefinition;

test('a connection without devices is a link, known from the first on and by its newest report', () => {
  const board = new LinkBoard([CONNECTION]);
  const link = { connection: 'spare', name: 'Spare line', driver: 'modbus' } as const;
  assert.deepEqual(board.read(), [{ ...link, report: undefined }]);
  let hosted: DriverHost | undefined;
  const factory: DriverFactory = (_, host) => {
    hosted = host;
    return {} as Driver;
  };
  const passedOn: ConnectionReport[] = [];
  const host = { report: (report: ConnectionReport) => passedOn.push(report) } as unknown as DriverHost;
  board.follow({ modbus: factory, opcua: factory, mqtt: factory }).modbus(CONNECTION, host);
  hosted?.report(REPORT);
  hosted?.report({ ...REPORT, state: 'waiting' });
  assert.deepEqual(board.read(), [{ ...link, report: { ...REPORT, state: 'waiting' } }]);
  assert.equal(passedOn.length, 2, 'and its devices are told as before');
});

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Intake } from '../../../../gateways/opcua/intake.ts';

const entry = (device: string, gatewayTimeMs: number) => ({
  device,
  frame: { deviceTimeMs: null, gatewayTimeMs, points: [], values: [], quality: null, reasons: null, times: null },
});

it('offers again what the log refused, in order per device, and holds up no other device', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const taken: string[] = [];
  let refuse = true;
  const intake = new Intake({
    ingest: async (device, { gatewayTimeMs }) => {
      if (refuse && device === 'a') throw new Error('the log is down');
      taken.push(`${device}${gatewayTimeMs}`);
    },
  });
  const offers = [intake.offer([entry('a', 1), entry('b', 1)]), intake.offer([entry('a', 2)])];
  await new Promise((resolve) => setImmediate(resolve));
  offers.push(intake.offer([entry('a', 3), entry('b', 2)]));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(taken, ['b1', 'b2']);
  assert.equal(intake.pending, 3);
  refuse = false;
  t.mock.timers.tick(250);
  await Promise.all(offers);
  assert.deepEqual(taken, ['b1', 'b2', 'a1', 'a2', 'a3']);
  assert.equal(intake.pending, 0);
  assert.ok(intake.refused >= 2);
});

it('lets go of what waits when it is stopped', async () => {
  const intake = new Intake({ ingest: () => Promise.reject(new Error('the log is down')) });
  const offer = intake.offer([entry('a', 1)]);
  await new Promise((resolve) => setImmediate(resolve));
  intake.stop();
  await offer;
});

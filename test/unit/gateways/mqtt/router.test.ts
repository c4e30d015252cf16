import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRouter } from '../../../../gateways/mqtt/router.ts';
import type { DeviceDefinition } from '../../../../topology/plant.ts';
import { MqttConnection } from '../../../../topology/schema/mqtt.ts';
import { mqttConnection, mqttDevice } from '../../../support/mqtt-plant.ts';

const TEMP = [{ name: 'temp' }];

function router(settings: object, devices: readonly DeviceDefinition[]) {
  const definition = mqttConnection({ url: 'mqtt://x', ...settings }, devices);
  const built = createRouter(definition, MqttConnection.parse(definition.settings));
  return {
    ...built,
    /** The device, or the code of the refusal. */
    to(topic: string): string | undefined {
      const route = built.route(topic);
      if (route.kind === 'refused') return route.code;
      return route.kind === 'status' ? `status of ${route.device}` : route.points?.device;
    },
  };
}

describe('the router of topics', () => {
  it('finds a device by its id, or by its own name in topics', () => {
    const { to } = router({}, [mqttDevice('plc-1', TEMP), mqttDevice('plc-2', TEMP, { mqtt: { topicName: 'AA:BB' } })]);
    assert.equal(to('sensors/plc-1/data'), 'plc-1');
    assert.equal(to('sensors/AA:BB/data'), 'plc-2');
    assert.equal(to('sensors/plc-2/data'), 'unknown_device');
    assert.equal(to('elsewhere'), 'mqtt_unknown_topic');
  });

  it('refuses a message from another organization or site than the device belongs to', () => {
    const { to } = router({ topics: [{ topic: '{org}/{site}/{device}' }] }, [mqttDevice('plc-1', TEMP)]);
    assert.equal(to('acme/north/plc-1'), 'plc-1');
    assert.equal(to('evil/north/plc-1'), 'organization_mismatch');
    assert.equal(to('acme/south/plc-1'), 'site_mismatch');
  });

  it('finds a device by an asset that it is linked to, and by the tag among several', () => {
    const { to } = router({ topics: [{ topic: 'telemetry/{site}/{asset}/{tag}', payload: 'value' }] }, [
      mqttDevice('plc-1', TEMP, { linkedAssets: ['pump-1'] }),
      mqttDevice('plc-2', [{ name: 'vibration' }], { linkedAssets: ['pump-1'] }),
      mqttDevice('plc-3', TEMP, { linkedAssets: ['pump-2'] }),
      mqttDevice('plc-4', TEMP, { linkedAssets: ['pump-2'] }),
    ]);
    assert.equal(to('telemetry/north/pump-1/temp'), 'plc-1');
    assert.equal(to('telemetry/north/pump-1/vibration'), 'plc-2');
    assert.equal(to('telemetry/north/pump-2/temp'), 'ambiguous_device');
    assert.equal(to('telemetry/north/pump-9/temp'), 'unknown_device');
    assert.equal(to('telemetry/north/plc-1/other'), 'unknown_point');
  });

  it('needs no device in the topic when there is but one', () => {
    const topics = [{ topic: 'data/#' }];
    assert.equal(router({ topics }, [mqttDevice('plc-1', TEMP)]).to('data/x'), 'plc-1');
    assert.equal(
      router({ topics }, [mqttDevice('plc-1', TEMP), mqttDevice('plc-2', TEMP)]).to('data/x'),
      'mqtt_device_not_in_topic',
    );
  });

  it('tells a status topic from readings, and asks for it apart from them', () => {
    const { to, filters, statusFilter } = router(
      { statusTopic: 'sensors/{device}/status', topics: [{ topic: 'sensors/{device}/#' }] },
      [mqttDevice('plc-1', TEMP), mqttDevice('plc-2', TEMP)],
    );
    assert.equal(to('sensors/plc-1/status'), 'status of plc-1');
    assert.equal(to('sensors/plc-9/status'), 'unknown_device');
    assert.deepEqual([filters, statusFilter], [['sensors/+/#'], 'sensors/+/status']);
  });

  it('decides once a topic, and stays small under a flood of made-up ones', () => {
    const { route } = router({}, [mqttDevice('plc-1', TEMP)]);
    const first = route('sensors/plc-1/data');
    assert.equal(route('sensors/plc-1/data'), first);
    for (let i = 0; i < 100_001; i++) route(`made-up/${i}`);
    assert.notEqual(route('sensors/plc-1/data'), first);
  });
});

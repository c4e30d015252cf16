import { connect, type MqttClient } from 'mqtt';
import type { ConnectionDefinition, DeviceDefinition } from '../../topology/plant.ts';
import type { Field, FieldMoment } from './field.ts';

/** A street gateway carries so many devices. */
const DEVICES_PER_GATEWAY = 10;
/** Kept back while the broker is away; older ones are dropped, as a gateway with little memory does. */
const MAX_KEPT = 500;

const REPORT_AFTER_REFUSALS = 10;

interface Message {
  readonly topic: string;
  readonly payload: string;
}

interface Gateway {
  readonly client: MqttClient;
  readonly devices: readonly DeviceDefinition[];
  readonly kept: Message[];
}

/** Street cabinets and flood gauges: they publish through a few gateways, QoS 1, and send later what they could not send at once. */
export function openMqttField(connection: ConnectionDefinition, report: (message: string) => void): Field {
  const { settings } = connection;
  if (settings.driver !== 'mqtt') throw new Error(`${connection.id} is not MQTT`);
  const url = settings.url.replace(/^embedded:/, 'mqtt:');
  const gateways: Gateway[] = [];
  for (let first = 0; first < connection.devices.length; first += DEVICES_PER_GATEWAY) {
    const devices = connection.devices.slice(first, first + DEVICES_PER_GATEWAY);
    gateways.push(openGateway(url, `street-gateway-${gateways.length + 1}`, devices, report));
  }
  const template = settings.topics[0]?.topic ?? '';
  let tick = 0;

  return {
    apply(moment) {
      const cut = moment.events.some((event) => event.kind === 'cut' && event.connection === connection.id);
      for (const gateway of gateways) {
        if (cut) gateway.client.stream?.destroy();
        publishDue(gateway, tick, moment, (device) =>
          template
            .replace('{org}', connection.organization)
            .replace('{site}', device.site)
            .replace('{device}', device.mqtt?.topicName ?? device.id),
        );
      }
      tick += 1;
    },
    async close() {
      await Promise.all(gateways.map(({ client }) => client.endAsync(true)));
    },
  };
}

function openGateway(
  url: string,
  clientId: string,
  devices: readonly DeviceDefinition[],
  report: (message: string) => void,
): Gateway {
  const client = connect(url, {
    clientId,
    reconnectPeriod: 1000,
    connectTimeout: 5000,
    keepalive: 15,
    // What waits is kept here, with a bound; the library's own queue has none.
    queueQoSZero: false,
  });
  const gateway: Gateway = { client, devices, kept: [] };
  let refusals = 0;
  client.on('error', (error) => {
    refusals += 1;
    // The broker may well start later than we do; only when it stays away is that worth a line.
    if (refusals === REPORT_AFTER_REFUSALS) report(`${clientId} finds no broker at ${url}: ${error.message}`);
  });
  client.on('connect', () => {
    refusals = 0;
    for (const message of gateway.kept.splice(0)) publish(client, message);
  });
  return gateway;
}

/** Each device has its turn at its own interval, spread over it so that they do not all speak at once. */
function publishDue(
  gateway: Gateway,
  tick: number,
  { nowMs, readings, events }: FieldMoment,
  topicOf: (device: DeviceDefinition) => string,
): void {
  for (const [index, device] of gateway.devices.entries()) {
    const ticks = Math.max(1, Math.round(device.expectedIntervalMs / TICK_MS));
    if ((tick + index) % ticks !== 0) continue;
    const metrics = readings.get(device.id);
    const own = events.filter((event) => 'device' in event && event.device === device.id);
    if (metrics === undefined || own.some((event) => event.kind === 'silence')) continue;
    const late = own.find((event) => event.kind === 'late');
    const payload = JSON.stringify({ ts: nowMs - (late?.byMs ?? 0), metrics });
    const message = { topic: topicOf(device), payload };
    if (gateway.client.connected) publish(gateway.client, message);
    else {
      if (gateway.kept.length >= MAX_KEPT) gateway.kept.shift();
      gateway.kept.push(message);
    }
  }
}

function publish(client: MqttClient, { topic, payload }: Message): void {
  // Not acknowledged before the link broke: mqtt.js sends it again when it is back.
  client.publish(topic, payload, { qos: 1 }, () => undefined);
}

/** How often the field is brought up to date. */
export const TICK_MS = 500;

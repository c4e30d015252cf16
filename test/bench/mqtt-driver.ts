/**
 * Messages a second that the MQTT driver takes, alone. Method: a private mosquitto, publishers in a process of their own
 * (QoS 1, 500 bytes of JSON with 10 metrics), and a log that resolves everything it was given every 2 ms. `--embedded`: the
 * publishers talk to the built-in broker instead. `--backlog`: the broker has kept the messages for the driver, so that no
 * publisher competes for the processor. `--direct`: without any socket, what parsing and bookkeeping cost.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { connectAsync } from 'mqtt';
import { mqttDriver } from '../../gateways/mqtt/driver.ts';
import { Intake } from '../../gateways/mqtt/intake.ts';
import { Statistics } from '../../gateways/mqtt/statistics.ts';
import { MqttConnection } from '../../topology/schema/mqtt.ts';
import { until } from '../support/condition.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { mqttConnection, mqttDevice, RecordingHost } from '../support/mqtt-plant.ts';
import { tempDir } from '../support/temp-dir.ts';

const DEVICES = 1000;
const METRICS = Array.from({ length: 10 }, (_, i) => `metric_number_${i}`);
const WARM_UP_MS = 2000;
const MEASURED_MS = 6000;
const PUBLISHERS = 4;
const IN_FLIGHT = 500;
const BACKLOG = 200_000;

class BatchingHost extends RecordingHost {
  count = 0;
  #waiting: (() => void)[] = [];
  readonly #timer = setInterval(() => {
    const batch = this.#waiting;
    this.#waiting = [];
    for (const stored of batch) stored();
  }, 2);

  override ingest(): Promise<void> {
    this.count++;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function payloadOf(i: number): string {
  const metrics = Object.fromEntries(METRICS.map((name) => [name, 20 + (i % 100) / 7]));
  return JSON.stringify({ ts: 1_700_000_000 + i, metrics, note: 'x'.repeat(120) });
}

const devices = () =>
  Array.from({ length: DEVICES }, (_, i) =>
    mqttDevice(
      `plc-${i}`,
      METRICS.map((name) => ({ name })),
    ),
  );

async function publish(url: string): Promise<void> {
  process.on('disconnect', () => process.exit(0));
  let sent = 0;
  for (let p = 0; p < PUBLISHERS; p++) {
    const client = await connectAsync(url);
    const next = () => {
      sent++;
      client.publish(`sensors/plc-${sent % DEVICES}/data`, payloadOf(sent), { qos: 1 }, next);
    };
    for (let i = 0; i < IN_FLIGHT; i++) next();
  }
}

async function throughSockets(embedded: boolean): Promise<void> {
  const temp = tempDir('mqtt-bench');
  const broker = embedded ? null : await Mosquitto.start(temp.dir, ['max_inflight_messages 0', 'persistence false']);
  const host = new BatchingHost(temp.dir);
  const driver = mqttDriver(mqttConnection({ url: broker?.url ?? 'embedded:0' }, devices()), host);
  driver.start();
  await until('connected', () => host.newestReport?.state === 'connected');
  const url = broker?.url ?? `mqtt://127.0.0.1:${host.newestReport?.facts?.port}`;
  const child = fork(fileURLToPath(import.meta.url), ['--publish', url]);
  await pause(WARM_UP_MS);
  const before = { count: host.count, cpu: process.cpuUsage(), atMs: performance.now() };
  await pause(MEASURED_MS);
  const elapsedMs = performance.now() - before.atMs;
  const cpu = process.cpuUsage(before.cpu);
  const messages = host.count - before.count;
  const latency = host.newestReport?.latencyMs;
  console.log(
    `${embedded ? 'embedded broker' : 'through mosquitto'}: ${Math.round((messages * 1000) / elapsedMs)} msg/s, ` +
      `${((cpu.user + cpu.system) / messages).toFixed(1)} µs of CPU a message, ` +
      `latency p50 ${latency?.p50.toFixed(1)} ms, p99 ${latency?.p99.toFixed(1)} ms, errors ${JSON.stringify(host.newestReport?.errors)}`,
  );
  child.disconnect();
  await driver.stop();
  await broker?.kill();
  host.close();
  temp.remove();
}

async function fromBacklog(): Promise<void> {
  const temp = tempDir('mqtt-bench');
  const broker = await Mosquitto.start(temp.dir, ['max_inflight_messages 0', 'persistence false']);
  const host = new BatchingHost(temp.dir);
  const definition = mqttConnection({ url: broker.url }, devices());
  const first = mqttDriver(definition, host);
  first.start();
  await until('the session is there', () => host.newestReport?.state === 'connected');
  await first.stop();
  const client = await connectAsync(broker.url);
  for (let sent = 0; sent < BACKLOG; sent += IN_FLIGHT) {
    const batch = Array.from({ length: IN_FLIGHT }, (_, i) =>
      client.publishAsync(`sensors/plc-${(sent + i) % DEVICES}/data`, payloadOf(sent + i), { qos: 1 }),
    );
    await Promise.all(batch);
  }
  client.end(true);
  const driver = mqttDriver(definition, host);
  const cpu = process.cpuUsage();
  driver.start();
  await until('the first message', () => host.count > 0);
  const fromMs = performance.now();
  await until('the last message', () => host.count >= BACKLOG, 60_000);
  const elapsedMs = performance.now() - fromMs;
  const used = process.cpuUsage(cpu);
  console.log(
    `from a backlog: ${Math.round((BACKLOG * 1000) / elapsedMs)} msg/s, ` +
      `${((used.user + used.system) / BACKLOG).toFixed(1)} µs of CPU a message`,
  );
  await driver.stop();
  await broker.kill();
  host.close();
  temp.remove();
}

async function direct(): Promise<void> {
  const host = new BatchingHost();
  const definition = mqttConnection({ url: 'mqtt://x' }, devices());
  const settings = MqttConnection.parse(definition.settings);
  const intake = new Intake(definition, settings, host, new Statistics(), new Map());
  const messages = Array.from({ length: DEVICES }, (_, i) => ({
    topic: `sensors/plc-${i}/data`,
    payload: Buffer.from(payloadOf(i)),
  }));
  for (const measured of [false, true]) {
    const fromMs = performance.now();
    const rounds = 300;
    for (let round = 0; round < rounds; round++) {
      for (const { topic, payload } of messages) intake.take(topic, payload, false);
      await pause(0);
    }
    const count = rounds * messages.length;
    if (measured) console.log(`direct: ${Math.round((count * 1000) / (performance.now() - fromMs))} msg/s`);
  }
  host.close();
}

const [mode, argument] = process.argv.slice(2);
if (mode === '--publish' && argument !== undefined) await publish(argument);
else if (mode === '--direct') await direct();
else if (mode === '--backlog') await fromBacklog();
else await throughSockets(mode === '--embedded');

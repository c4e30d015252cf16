/**
 * Goal: operators are called before a certificate ends, and once more when it has, by an alarm as any other: it is acknowledged,
 * survives a restart, and goes by itself once the certificate is renewed.
 * Method: the whole product in this process, asked over REST, against real OPC UA servers with certificates that end soon, which an
 * authority made with openssl has signed.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type RunningPlant, startPlant } from '../../cli/plant.ts';
import { Settings } from '../../runtime/settings.ts';
import { parseTopology } from '../../topology/load.ts';
import { until } from '../support/condition.ts';
import { Authority } from './opcua-authority.ts';
import { Bench, NAMESPACE, type ServerProcess } from './opcua-support.ts';

const WITHIN_MS = 30_000;
const DAY_MS = 86_400_000;
const SERVER_ALARM = 'connection/plc:server-certificate';
const OWN_ALARM = 'node/core-1:own-certificate';

let bench: Bench;
let authority: Authority;
let dataDir: string;
let key: string;
let running: RunningPlant | null;

beforeEach(() => {
  bench = new Bench();
  dataDir = bench.folder();
  authority = new Authority(bench.folder(), 'Plant authority');
  authority.installIn(path.join(dataDir, 'opcua-pki'));
  running = null;
});
afterEach(async () => {
  await running?.stop();
  await bench.close();
});

async function server(validity: Parameters<Authority['sign']>[1], port = 0): Promise<ServerProcess> {
  const certificateDir = bench.folder();
  authority.sign(certificateDir, validity);
  const variables = [{ nodeId: 's=T1.Speed', dataType: 'Double' }] as const;
  return await bench.server({ variables, security: 'Basic256Sha256', certificateDir, port });
}

async function start(...ports: readonly number[]): Promise<void> {
  const names = ports.map((_, i) => (i === 0 ? 'plc' : `plc-${i}`));
  const text = `signalbox: 1
organization: { id: acme, name: Acme Water }
sites:
  - { id: works, name: Waterworks, timeZone: Europe/Berlin }
connections:
${ports.map((port, i) => `  - { id: ${names[i]}, driver: opcua, endpoint: "opc.tcp://127.0.0.1:${port}", connectTimeoutMs: 20000, reconnect: { minMs: 200, maxMs: 500 } }`).join('\n')}
devices:
${names.map((name) => `  - { id: turbine-${name}, name: Turbine, site: works, connection: ${name}, opcua: { nodePrefix: "nsu=${NAMESPACE};s=" }, points: [{ name: speed, opcua: { node: T1.Speed, samplingMs: 100 } }] }`).join('\n')}
`;
  const parsed = parseTopology(text, 'plant.yaml');
  assert.ok(parsed.ok, JSON.stringify(parsed.ok || parsed.problems));
  const settings = Settings.parse({ DATA_DIR: dataDir, PORT: 0, LOG_LEVEL: 'fatal' });
  running = await startPlant({ settings, plant: parsed.plant, simulators: false });
  key = running.key ?? key;
}

async function stop(): Promise<void> {
  await running?.stop();
  running = null;
}

async function call(method: string, address: string, body?: object): Promise<{ readonly [field: string]: unknown }> {
  const answer = await fetch(new URL(`api/v1${address}`, running?.url), {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'idempotency-key': crypto.randomUUID(),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, ...(await answer.json()) };
}

const alarm = (id: string) => call('GET', `/alarms/${encodeURIComponent(id)}`);
const isRaised = (id: string, severity: string) =>
  until(
    `${id} at ${severity}`,
    async () => {
      const { severity: now, detail } = await alarm(id);
      return now === severity && detail === 'ACTIVE_UNACK';
    },
    WITHIN_MS,
  );

test('a certificate of a server that ends in ten days is an alarm until it is renewed, over a restart and an acknowledgement', async () => {
  const first = await server(10);
  const { port } = first;
  await start(port);
  await isRaised(SERVER_ALARM, 'MEDIUM');
  const raised = await alarm(SERVER_ALARM);
  const end = new Date(Date.now() + 10 * DAY_MS).toISOString().slice(0, 10);
  assert.ok(
    String(raised.message).startsWith('The certificate of the server, CN=plc, ends on '),
    String(raised.message),
  );
  assert.ok(String(raised.message).includes(end), String(raised.message));
  assert.equal(raised.entity, 'connection/plc');
  assert.equal(raised.site, 'works');
  const { items } = await call('GET', '/alarms');
  assert.ok(Array.isArray(items) && items.some(({ id }) => id === SERVER_ALARM));
  await until('the site counts it', async () => {
    const { props } = await call('GET', '/sites/works');
    return typeof props === 'object' && props !== null && 'alarmsMedium' in props && props.alarmsMedium === 1;
  });

  const answer = await call('POST', `/alarms/${encodeURIComponent(SERVER_ALARM)}/acknowledge`, { comment: 'ordered' });
  assert.equal(answer.status, 200, JSON.stringify(answer));
  await stop();
  await start(port);
  const again = await alarm(SERVER_ALARM);
  assert.equal(again.detail, 'ACTIVE_ACK');
  assert.equal(again.raisedAtMs, raised.raisedAtMs);

  await first.kill();
  await server(400, port);
  await until('the alarm is gone', async () => (await alarm(SERVER_ALARM)).status === 404, WITHIN_MS);
});

test('a server that is refused because its certificate has ended is an alarm of HIGH severity that says so', async () => {
  const ended = await server({ untilMs: Date.now() - 3_600_000 });
  await start(ended.port);
  await isRaised(SERVER_ALARM, 'HIGH');
  assert.match(String((await alarm(SERVER_ALARM)).message), /has ended on .*: no link can be made with it/);
  const { links } = await call('GET', '/health');
  assert.ok(Array.isArray(links) && links[0].state !== 'connected', JSON.stringify(links));
});

test('our own certificate is one alarm of the node, however many links use it', async () => {
  const own = path.join(dataDir, 'opcua-pki');
  authority.sign(own, 5);
  fs.renameSync(path.join(own, 'own', 'certs', 'certificate.pem'), path.join(own, 'own', 'certs', 'signalbox.pem'));
  const { port } = await server(400);
  await start(port, port);
  await isRaised(OWN_ALARM, 'MEDIUM');
  await until('both links', async () => {
    const { links } = await call('GET', '/health');
    return Array.isArray(links) && links.length === 2 && links.every(({ state }) => state === 'degraded');
  });
  const { items, total } = await call('GET', '/alarms');
  assert.equal(total, 1, JSON.stringify(items));
  assert.match(String((await alarm(OWN_ALARM)).message), /^The certificate of this installation, CN=plc, ends on /);
});

/**
 * Goal: a nats-server that hangs for many attempts to connect leaves nothing behind: afterwards there is one connection, which
 * hears everything once, and what listens without a word keeps no process from ending.
 * Method: a real server that is suspended, and a client as ours but more impatient; the server counts its connections.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { connect } from 'nats';
import { NatsLink } from '../../runtime/nats/connection.ts';
import { until } from '../support/condition.ts';
import { freePort } from '../support/mosquitto.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';

const LOGIN = { user: 'plant', pass: 'secret' };

test('after a hang each message comes once, over one connection', { skip: noNats }, async (t) => {
  const monitor = await freePort();
  const config = `http: 127.0.0.1:${monitor}\nauthorization { user: plant, password: secret, timeout: 0.3 }`;
  const server = await NatsServer.start({ config, jetStream: false, credentials: LOGIN });
  t.after(() => server.remove());
  const client = await connect({
    servers: `127.0.0.1:${server.port}`,
    ...LOGIN,
    timeout: 200,
    pingInterval: 200,
    maxPingOut: 1,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => 50,
  });
  t.after(() => client.close());
  let attempts = 0;
  let connects = 0;
  void (async () => {
    for await (const { type } of client.status()) {
      if (type === 'reconnecting') attempts++;
      if (type === 'reconnect') connects++;
    }
  })();
  let heard = 0;
  client.subscribe('readings', { callback: () => heard++ });
  await client.flush();

  server.suspend();
  await until('several attempts were given up', () => attempts >= 6);
  server.resume();
  await until('it is connected again', () => connects > 0);
  const connections = async () => {
    const answer = await fetch(`http://127.0.0.1:${monitor}/connz`);
    return ((await answer.json()) as { num_connections: number }).num_connections;
  };
  // The server drops whoever does not log in; what the client makes of that comes at once.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.equal(await connections(), 1);
  assert.equal(connects, 1, 'the connection was given up for the end of another');
  client.publish('readings', 'one');
  await client.flush();
  assert.equal(heard, 1);
});

test('attempts at something that says nothing are closed', async (t) => {
  const open = new Set<net.Socket>();
  const silent = net.createServer((socket) => {
    open.add(socket.on('error', () => undefined).on('close', () => open.delete(socket)));
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of open) socket.destroy();
    silent.close();
  });
  const { port } = silent.address() as net.AddressInfo;
  const opening = NatsLink.open({ url: `nats://127.0.0.1:${port}`, name: 'test', startTimeoutMs: 100 });
  await assert.rejects(opening, { code: 'NATS_UNREACHABLE' });
  await until('the attempt is closed', () => open.size === 0, 2000);
});

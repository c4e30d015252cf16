import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WebSocketServer } from 'ws';
import type { WireEvent } from '../../gateways/websocket/protocol.ts';
import { until } from '../support/condition.ts';
import { WallClient } from '../support/wall-client.ts';
import { anAlarm } from '../unit/ui/alarms-at-hand.ts';

/** A gateway over a journal that can be put back to an older one, as a restore of the server does. */
let journal: WireEvent[] = [];
const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
let send: (frame: object) => void = () => undefined;
let client: WallClient;

before(async () => {
  server.on('connection', (socket) => {
    let seq = 0;
    send = (frame) => socket.send(JSON.stringify({ seq: ++seq, ...frame }));
    send({ op: 'hello', timeMs: 1000 });
    socket.on('message', (data) => answer(JSON.parse(String(data))));
  });
  await until('it listens', () => server.address() !== null);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  client = WallClient.open(`ws://127.0.0.1:${port}`);
});
after(() => {
  client.close();
  for (const socket of server.clients) socket.terminate();
  server.close();
});

test('after a restore of the server, a wall that stayed open shows alarms whose numbers it saw before', async () => {
  await until('the snapshot', () => client.book.ready.value);
  for (let seq = 1; seq <= 3; seq++) append(seq, 'cold');
  await until('three transitions', () => client.book.transitions.value.length === 3);

  journal = [];
  client.cut();
  await until('the alarms of the other journal', () => client.isLive && client.book.alarms.value.size === 0, 20_000);
  append(1, 'hot');
  await until('the new alarm', () => client.book.alarms.value.has('asset/pump-1:hot'));
  assert.deepEqual(
    client.book.transitions.value.map(({ seq }) => seq),
    [1],
  );
});

function answer(frame: { op: string; sub: string; resume?: string }): void {
  if (frame.op !== 'subscribe') return;
  const { sub, resume } = frame;
  if (resume !== undefined && Number(resume) > journal.length) {
    send({ op: 'error', code: 'BAD_RESUME', message: 'not a token of this journal', sub });
    return;
  }
  send({ op: 'snapshot', sub, items: [], timeMs: 1000, token: String(journal.length), more: false });
}

function append(seq: number, rule: string): void {
  const event: WireEvent = {
    token: String(journal.length + 1),
    entity: 'asset/pump-1',
    seq,
    kind: 'AlarmRaised',
    timeMs: 1000 + seq,
    by: 'system',
    event: {},
    after: anAlarm({ id: `asset/pump-1:${rule}`, rule }),
  };
  journal.push(event);
  send({ op: 'event', sub: '1', events: [event] });
}

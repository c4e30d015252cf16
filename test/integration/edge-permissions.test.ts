/**
 * Goal: with the permissions that the guide gives its NATS user an edge can do all that it needs, and can neither speak in the name
 * of another nor hear what another is told or answered.
 * Method: the block of the guide itself, in the configuration of a real nats-server; three cells on it, and a client that tries
 * with the password of one edge what it may not.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { connect, Events, type NatsConnection } from 'nats';
import { NatsCellLink } from '../../runtime/nats/cell-link.ts';
import { cellSubjectOf, NatsCentralLog } from '../../runtime/nats/central-log.ts';
import type { NatsLink } from '../../runtime/nats/connection.ts';
import { openNatsLog } from '../../runtime/nats/open.ts';
import { until } from '../support/condition.ts';
import { ROOT } from '../support/places.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';

const skip = noNats;
let nats: NatsServer;

/** The users of the guide, and a second edge like the first. */
function usersOfGuide(): string {
  const guide = fs.readFileSync(path.join(ROOT, 'docs/guides/edge.md'), 'utf8');
  const [, block] = /```\n(authorization \{ users: \[[\s\S]*?)\n```/.exec(guide) ?? [];
  assert.ok(block, 'the guide says what an edge may do');
  const [edge] = /\{ user: edge-7[\s\S]*?\} \}/.exec(block) ?? [];
  assert.ok(edge, block);
  const second = edge.replaceAll('edge-7', 'edge-8').replace('$EDGE_7', 'other');
  return block.replace(edge, `${edge}\n${second}`).replace('$CENTRE', 'whole').replace('$EDGE_7', 'small');
}

before(async () => {
  if (skip !== false) return;
  nats = await NatsServer.start({ config: usersOfGuide(), credentials: { user: 'signalbox', pass: 'whole' } });
});
after(() => nats?.remove());

const urlOf = (user: string, password: string) => nats.url.replace('//', `//${user}:${password}@`);

test('an edge with the permissions of the guide does what it has to', { skip }, async (t) => {
  let nats7: NatsLink | undefined;
  const core = new NatsCellLink({ cell: 'core', prefix: 'signalbox', url: urlOf('signalbox', 'whole'), name: 'core' });
  const edge = new NatsCellLink(
    { cell: 'edge-7', prefix: 'signalbox', url: urlOf('edge-7', 'small'), name: 'edge-7' },
    (link) => {
      nats7 = link;
    },
  );
  t.after(() => Promise.all([core.stop(), edge.stop()]));
  const told: unknown[] = [];
  core.serve('journal', (body, from) => ({ body, from }));
  core.serve('views', (body, from) => void told.push([from, body]));
  edge.serve('command', (body) => ({ done: body }));
  edge.serve('hello', () => void told.push('hello'));
  await Promise.all([core.start(), edge.start()]);
  await until('both are linked', () => core.state.connected && edge.state.connected);
  assert.deepEqual(await edge.request('core', 'journal', 1, 5000), { body: 1, from: 'edge-7' });
  for (let n = 0; n < 3; n++) assert.deepEqual(await core.request('edge-7', 'command', n, 5000), { done: n });
  edge.tell('core', 'views', 'a view');
  core.tell('edge-7', 'hello', {});
  await until('both were told', () => told.length === 2);
  assert.deepEqual(new Set(told.map(String)), new Set(['edge-7,a view', 'hello']));

  const place = {
    url: urlOf('signalbox', 'whole'),
    name: 'log',
    startTimeoutMs: 10_000,
    prefix: 'signalbox',
    replicas: 1,
  };
  const log = await openNatsLog({ ...place, maxAgeMs: 86_400_000 });
  t.after(() => log.close());
  const central = new NatsCentralLog({ link: () => nats7, cell: 'edge-7', prefix: 'signalbox' });
  const marks = { after: 0, log: 'x', position: 1, late: false };
  const { message } = await central.pack([{ source: 'device/far', observation: { n: 1 } } as never]);
  const sequence = await central.store(message, marks);
  assert.deepEqual(await central.last(), { sequence, stored: { log: 'x', position: 1 } });
});

test('what is larger than NATS takes is refused with a reason, and ends nobody', { skip }, async (t) => {
  const url = urlOf('signalbox', 'whole');
  const core = new NatsCellLink({ cell: 'core', prefix: 'large', url, name: 'core' });
  const edge = new NatsCellLink({ cell: 'edge-7', prefix: 'large', url, name: 'edge-7' });
  t.after(() => Promise.all([core.stop(), edge.stop()]));
  const huge = randomBytes(1024 * 1024).toString('base64');
  edge.serve('page', () => huge);
  edge.serve('command', (body) => body);
  await Promise.all([core.start(), edge.start()]);
  await until('both are linked', () => core.state.connected && edge.state.connected);
  const code = 'LINK_MESSAGE_TOO_LARGE';
  await assert.rejects(core.request('edge-7', 'page', {}, 5000), { code });
  await assert.rejects(core.request('edge-7', 'command', huge, 5000), { code });
  assert.equal(await core.request('edge-7', 'command', 'small', 5000), 'small');
});

test('it can neither listen to another nor speak for it', { skip }, async (t) => {
  const connection = await connect({
    servers: `127.0.0.1:${nats.port}`,
    user: 'edge-7',
    pass: 'small',
    noAsyncTraces: true,
  });
  t.after(() => connection.close());
  const violations = collectViolations(connection);
  const forbidden = [
    '_INBOX.>',
    '_INBOX.edge-8.>',
    'signalbox.cells.edge-8.>',
    'signalbox.cells.core.>',
    'signalbox.telemetry.>',
  ];
  for (const subject of forbidden) connection.subscribe(subject, { callback: () => undefined });
  const unspoken = [
    'signalbox.cells.core.edge-8.tell.views',
    'signalbox.cells.edge-8.core.tell.hello',
    cellSubjectOf('signalbox', 'edge-8'),
    '_INBOX.edge-8.x',
  ];
  for (const subject of unspoken) connection.publish(subject, new Uint8Array(1));
  await until('the server has refused each', () => violations.length === forbidden.length + unspoken.length);
  for (const subject of [...forbidden, ...unspoken]) {
    assert.ok(
      violations.some((text) => text.toLowerCase().includes(`"${subject.toLowerCase()}"`)),
      `${subject}: ${violations.join('; ')}`,
    );
  }
});

function collectViolations(connection: NatsConnection): string[] {
  const violations: string[] = [];
  void (async () => {
    for await (const { type, permissionContext, data } of connection.status())
      if (type === Events.Error) violations.push(`${data} "${permissionContext?.subject ?? ''}"`);
  })();
  return violations;
}

test('an edge that may not listen says so, and does once it may, without a new start', { skip }, async (t) => {
  const users = (subscribe: string) => `authorization { users: [
    { user: edge-9, password: p, permissions: { publish: ">", subscribe: [ "_INBOX.edge-9.>" ${subscribe} ], allow_responses: true } }
    { user: signalbox, password: whole }
  ] }`;
  const credentials = { user: 'signalbox', pass: 'whole' };
  const before = await NatsServer.start({ config: users(''), credentials });
  t.after(() => before.remove());
  const on = (user: string) => before.url.replace('//', `//${user}@`);
  const core = new NatsCellLink({ cell: 'core', prefix: 'x', url: on('signalbox:whole'), name: 'core' });
  const edge = new NatsCellLink({ cell: 'edge-9', prefix: 'x', url: on('edge-9:p'), name: 'edge-9' });
  t.after(() => Promise.all([core.stop(), edge.stop()]));
  edge.serve('command', (body) => body);
  await Promise.all([core.start(), edge.start()]);
  await until('it says so', () => /not let .*x\.cells\.edge-9/.test(edge.state.trouble ?? ''));
  assert.equal(edge.state.connected, true, 'what it sends goes through');

  await before.kill();
  const after = await NatsServer.start({ config: users(', "x.cells.edge-9.>"'), credentials, port: before.port });
  t.after(() => after.remove());
  await until('both are linked', () => core.state.connected && edge.state.connected, 20_000);
  await until('it hears commands', () =>
    core.request('edge-9', 'command', 1, 1000).then(
      (answer) => answer === 1,
      () => false,
    ),
  );
  assert.equal(edge.state.trouble, undefined);
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SYSTEM_RULES } from '../../../../actors/system/rules.ts';
import type { SystemDefinition } from '../../../../actors/system/state.ts';
import { connectionKind, nodeKind } from '../../../../actors/system/system.ts';
import { entityId } from '../../../../runtime/ids.ts';
import { Bench, T0 } from '../plant.ts';

const DAY_MS = 86_400_000;
const RULE = 'server-certificate';

function bench(certificateWarningDays: number | null = 30, stored?: unknown) {
  const definition: SystemDefinition = {
    name: 'Press line',
    site: 'north',
    timeZone: 'Europe/Berlin',
    rules: SYSTEM_RULES.connection,
    group: null,
    certificateWarningDays,
  };
  return new Bench(connectionKind, entityId('connection', 'plc'), definition, stored);
}
type Connection = ReturnType<typeof bench>;

function see(connection: Connection, atMs: number, endsInDays: number, thumbprint = `ends ${endsInDays}`): void {
  const decision = connection.command(atMs, {
    kind: 'ReportCertificate',
    whose: 'server',
    subject: 'CN=plc, O=Acme',
    thumbprint,
    expiresAtMs: T0 + endsInDays * DAY_MS,
  });
  assert.ok(decision.ok);
}
const record = ({ state }: Connection) => state.decided.alarms.get(RULE);
const kinds = ({ events }: Connection) => events.map(({ kind }) => kind);

describe('the alarm of a certificate', () => {
  it('comes so many days before the end, at the minute, without anybody telling', () => {
    const connection = bench().start();
    see(connection, 0, 100);
    assert.equal(connection.dueMs(), 70 * DAY_MS);
    connection.runTo(70 * DAY_MS - 1);
    assert.equal(record(connection), undefined);
    connection.runTo(70 * DAY_MS);
    assert.equal(record(connection)?.detail, 'ACTIVE_UNACK');
    assert.equal(record(connection)?.occurrence?.severity, 'MEDIUM');
    assert.equal(
      record(connection)?.occurrence?.message,
      'The certificate of the server, CN=plc, O=Acme, ends on 2026-08-09T12:00:00Z',
    );
  });

  it('is raised again, and higher, when the certificate has ended; it stays one alarm of one occurrence', () => {
    const connection = bench().start();
    see(connection, 0, 10);
    connection.command(1000, { kind: 'AcknowledgeAlarm', rule: RULE });
    assert.equal(record(connection)?.detail, 'ACTIVE_ACK');
    connection.runTo(10 * DAY_MS);
    assert.equal(record(connection)?.detail, 'ACTIVE_UNACK');
    assert.equal(record(connection)?.occurrence?.severity, 'HIGH');
    assert.match(record(connection)?.occurrence?.message ?? '', /has ended on 2026-05-11T12:00:00Z/);
    assert.equal(record(connection)?.occurrences, 1);
    assert.equal(connection.state.decided.alarms.size, 1);
    assert.equal(connection.dueMs(), Number.POSITIVE_INFINITY);
  });

  it('clears by itself once another certificate is seen that lasts', () => {
    const connection = bench().start();
    see(connection, 0, 10);
    see(connection, 5000, 400);
    assert.equal(record(connection)?.detail, 'RTN_UNACK');
    assert.equal(connection.dueMs(), 370 * DAY_MS);
  });

  it('calls anew for another certificate that ends soon too, and not for the same one seen again', () => {
    const connection = bench().start();
    see(connection, 0, 10);
    connection.command(1000, { kind: 'AcknowledgeAlarm', rule: RULE });
    see(connection, 2000, 10);
    assert.deepEqual(kinds(connection), ['CertificateSeen', 'AlarmRaised', 'AlarmAcknowledged']);
    see(connection, 3000, 12);
    assert.equal(record(connection)?.detail, 'ACTIVE_UNACK');
    assert.equal(record(connection)?.occurrence?.value, '2026-05-13T12:00:00Z');
  });

  it('survives a restart, and follows a warning time that was changed meanwhile', () => {
    const before = bench().start();
    see(before, 0, 10);
    const again = bench(30, JSON.parse(JSON.stringify(before.encode()))).start(1000);
    assert.deepEqual(again.events, []);
    assert.equal(record(again)?.detail, 'ACTIVE_UNACK');
    assert.equal(again.dueMs(), 10 * DAY_MS);
    const shorter = bench(5, before.encode()).start(1000);
    assert.deepEqual(kinds(shorter), ['AlarmCleared']);
    assert.equal(shorter.dueMs(), 5 * DAY_MS);
    const without = bench(null, before.encode()).start(1000);
    assert.deepEqual(kinds(without), ['AlarmCleared']);
  });

  it('calls nobody while it is shelved, and returns when the shelf ends', () => {
    const connection = bench().start();
    connection.command(0, { kind: 'ShelveAlarm', rule: RULE, durationMs: 3_600_000, reason: 'being renewed' });
    see(connection, 1000, 10);
    const raised = connection.events.find(({ kind }) => kind === 'AlarmRaised');
    assert.ok(raised !== undefined && 'annunciation' in raised && raised.annunciation === null);
    connection.runTo(3_600_000);
    assert.equal(record(connection)?.shelved, null);
    assert.equal(record(connection)?.detail, 'ACTIVE_UNACK');
  });

  it('is shown with its name, what to do, and under its site', () => {
    const connection = bench().start();
    see(connection, 0, 10);
    const { alarms, certificates } = connection.kind.view(connection.state, connection.self);
    const alarm = alarms?.[RULE];
    assert.ok(typeof alarm === 'object' && alarm !== null && 'id' in alarm);
    assert.equal(alarm.id, 'connection/plc:server-certificate');
    assert.equal(alarm.site, 'north');
    assert.match(String(alarm.response), /trusted/);
    assert.ok(certificates?.server);
  });
});

describe('the alarm of the clock of a node', () => {
  function node() {
    const definition: SystemDefinition = {
      name: 'core-1',
      site: 'north',
      timeZone: 'UTC',
      rules: SYSTEM_RULES.node,
      group: null,
      certificateWarningDays: null,
    };
    return new Bench(nodeKind, entityId('node', 'core-1'), definition).start();
  }
  const report = (of: ReturnType<typeof node>, atMs: number, offsetMs: number | null) =>
    of.command(atMs, { kind: 'ReportClock', offsetMs, server: 'ntp.plant' });

  it('stands while the offset is more than a second, whichever way', () => {
    const clock = node();
    report(clock, 0, 1000);
    assert.deepEqual(clock.events, []);
    report(clock, 1, -5000.4);
    const alarm = clock.state.decided.alarms.get('clock-offset');
    assert.equal(alarm?.occurrence?.severity, 'MEDIUM');
    assert.equal(
      alarm?.occurrence?.message,
      'The clock of this node is 5000 ms ahead of ntp.plant: times that it gives are in doubt',
    );
    report(clock, 2, -4000);
    assert.equal(clock.events.length, 1, 'a check that finds the same says nothing new');
    report(clock, 3, 12);
    assert.equal(clock.state.decided.alarms.get('clock-offset')?.detail, 'RTN_UNACK');
  });

  it('clears when the clock is no longer checked', () => {
    const clock = node();
    report(clock, 0, 9000);
    report(clock, 1, null);
    assert.equal(clock.state.decided.alarms.get('clock-offset')?.detail, 'RTN_UNACK');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OpcUaFault } from '../../../../gateways/opcua/errors.ts';
import { buildLayout } from '../../../../gateways/opcua/layout.ts';
import { connectionReport, type ReportInput } from '../../../../gateways/opcua/report.ts';
import { Statistics } from '../../../../gateways/opcua/statistics.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 1_800_000_000_000;

function input(more: Partial<ReportInput>, serverDays = 400, ownDays = 800): ReportInput {
  return {
    link: {
      channel: {
        serverCertificate: {
          der: Buffer.alloc(0),
          thumbprint: 'AB',
          subject: 'CN=plc',
          commonName: 'plc',
          issuer: 'CN=plc',
          expiresAtMs: NOW_MS + serverDays * DAY_MS,
        },
      },
      store: {
        certificateFile: '/data/own.pem',
        own: { thumbprint: 'CD', subject: 'CN=us', expiresAtMs: NOW_MS + ownDays * DAY_MS },
      },
      subscription: null,
      limits: null,
    },
    state: { kind: 'connected' },
    condition: { state: 0, serviceLevel: 255 },
    layout: buildLayout([], null),
    statistics: new Statistics(),
    queueDepth: 0,
    warningDays: 30,
    security: 'Basic256Sha256, SignAndEncrypt',
    nowMs: NOW_MS,
    ...more,
  };
}

describe('the report of a link', () => {
  it('says nothing of certificates that last', () => {
    const report = connectionReport(input({}));
    assert.equal(report.state, 'connected');
    assert.equal(report.lastError, undefined);
    assert.equal(report.facts?.serverCertificateDaysLeft, 400);
  });

  it('warns of the certificate that ends first', () => {
    const server = connectionReport(input({}, 29, 800));
    assert.equal(server.lastError?.code, 'server_certificate_expires');
    assert.equal(server.state, 'degraded');
    assert.match(server.detail ?? '', /29 days/);
    assert.equal(connectionReport(input({}, 29, 3)).lastError?.code, 'own_certificate_expires');
  });

  it('is degraded while the server is not running', () => {
    const report = connectionReport(input({ condition: { state: 6, serviceLevel: 0 } }));
    assert.equal(report.state, 'degraded');
    assert.match(report.detail ?? '', /CommunicationFault/);
  });

  it('names the cause and the next attempt while it waits', () => {
    const fault = new OpcUaFault('connection_refused', 'nobody listens');
    const report = connectionReport(input({ state: { kind: 'waiting', fault, nextAttemptAtMs: NOW_MS + 500 } }));
    assert.equal(report.nextAttemptAtMs, NOW_MS + 500);
    assert.equal(report.detail, 'connection_refused: nobody listens');
  });

  it('counts errors by code and keeps the last', () => {
    const statistics = new Statistics();
    statistics.error('timeout', 'first', NOW_MS - 2);
    statistics.error('timeout', 'second', NOW_MS - 1);
    statistics.readings(50, NOW_MS - 1);
    const report = connectionReport(input({ statistics }));
    assert.deepEqual(report.errors, { timeout: 2 });
    assert.equal(report.lastError?.message, 'second');
    assert.equal(report.readingsPerSecond, 5);
  });
});

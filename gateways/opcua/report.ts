import type { ConnectionReport } from '../driver.ts';
import type { LinkCode } from '../driver-codes.ts';
import { type CertificateStore, daysLeft } from './certificates.ts';
import type { Channel } from './channel.ts';
import type { Layout } from './layout.ts';
import type { Link, LinkState } from './link.ts';
import { nameOfServerState, type ServerCondition } from './services.ts';
import type { Statistics } from './statistics.ts';

const RUNNING = 0;

export interface ReportInput {
  readonly link: Pick<Link, 'subscription' | 'limits'> & {
    readonly channel: Pick<Channel, 'serverCertificate'> | null;
    readonly store: Pick<CertificateStore, 'certificateFile' | 'own'> | null;
  };
  readonly state: LinkState;
  readonly condition: ServerCondition | null;
  readonly layout: Layout;
  readonly statistics: Statistics;
  readonly queueDepth: number;
  readonly warningDays: number;
  readonly security: string;
  readonly nowMs: number;
}

/** The state of the link as the wall shows it. */
export function connectionReport(input: ReportInput): ConnectionReport {
  const { state, statistics, nowMs } = input;
  const latencyMs = statistics.latencyMs(nowMs);
  const warning = certificateWarning(input);
  const stateAndDetail = describeState(input, warning);
  const lastError = warning ?? statistics.lastError;
  return {
    ...stateAndDetail,
    ...(lastError === null ? {} : { lastError }),
    ...(latencyMs === null ? {} : { latencyMs }),
    errors: { ...statistics.errors },
    readingsPerSecond: statistics.readingsPerSecond(nowMs),
    lastReadingAtMs: statistics.lastReadingAtMs,
    cycleOverruns: 0,
    queueDepth: input.queueDepth,
    ...('nextAttemptAtMs' in state ? { nextAttemptAtMs: state.nextAttemptAtMs } : {}),
    facts: facts(input),
  };
}

function describeState(
  { state, condition }: ReportInput,
  warning: ConnectionReport['lastError'] | null,
): Pick<ConnectionReport, 'state' | 'detail'> {
  switch (state.kind) {
    case 'waiting':
    case 'failed':
      return { state: state.kind, detail: `${state.fault.code}: ${state.fault.message}` };
    case 'connected':
      if (condition !== null && condition.state !== RUNNING)
        return { state: 'degraded', detail: `server state ${nameOfServerState(condition.state)}` };
      // It works, and on a known day it will not: shown before that, on the wall and in health.
      return warning == null ? { state: 'connected' } : { state: 'degraded', detail: warning.message };
    default:
      return { state: state.kind };
  }
}

/** The nearest end of a certificate, once it is within the warning time. */
function certificateWarning({
  link,
  warningDays,
  nowMs,
}: ReportInput): NonNullable<ConnectionReport['lastError']> | null {
  const ends: (readonly [whose: string, code: LinkCode, atMs: number])[] = [];
  if (link.channel?.serverCertificate != null) {
    ends.push(['the server', 'server_certificate_expires', link.channel.serverCertificate.expiresAtMs]);
    if (link.store !== null) ends.push(['this installation', 'own_certificate_expires', link.store.own.expiresAtMs]);
  }
  ends.sort((a, b) => a[2] - b[2]);
  const first = ends[0];
  if (first === undefined) return null;
  const days = daysLeft(first[2], nowMs);
  if (days >= warningDays) return null;
  return { code: first[1], message: `the certificate of ${first[0]} ends in ${days} days`, atMs: nowMs };
}

function facts({ link, condition, layout, statistics, security, nowMs }: ReportInput): Record<string, string | number> {
  const facts: Record<string, string | number> = { security, ...statistics.counters };
  if (condition !== null) {
    facts.serverState = nameOfServerState(condition.state);
    if (condition.serviceLevel !== null) facts.serviceLevel = condition.serviceLevel;
  }
  const { subscription, limits } = link;
  if (subscription !== null) {
    facts.publishingIntervalMs = subscription.publishingIntervalMs;
    facts.keepAliveCount = subscription.keepAliveCount;
    facts.lifetimeCount = subscription.lifetimeCount;
    facts.subscriptionId = subscription.state.id;
  }
  if (limits !== null) {
    facts.maxMonitoredItemsPerCall = limits.monitoredItemsPerCall;
    facts.maxNodesPerRead = limits.nodesPerRead;
  }
  certificateFacts(facts, link, nowMs);
  return Object.assign(facts, itemFacts(layout));
}

function certificateFacts(facts: Record<string, string | number>, link: ReportInput['link'], nowMs: number): void {
  const certificate = link.channel?.serverCertificate ?? null;
  if (certificate !== null) {
    facts.serverCertificate = certificate.subject;
    facts.serverCertificateThumbprint = certificate.thumbprint;
    facts.serverCertificateDaysLeft = daysLeft(certificate.expiresAtMs, nowMs);
  }
  if (link.store !== null) {
    facts.ownCertificateDaysLeft = daysLeft(link.store.own.expiresAtMs, nowMs);
    facts.ownCertificateFile = link.store.certificateFile;
  }
}

function itemFacts(layout: Layout): Record<string, string | number> {
  let monitored = 0;
  let revisedSampling = 0;
  let revisedQueues = 0;
  let slowestSamplingMs = 0;
  const failed: string[] = [];
  for (const item of layout.items.values()) {
    if (item.serverId === null) {
      if (item.failure !== null) failed.push(`${item.device}.${item.point} ${item.failure}`);
      continue;
    }
    monitored += 1;
    if (item.revisedSamplingMs > item.samplingMs) revisedSampling += 1;
    if (item.revisedQueueSize !== item.queueSize) revisedQueues += 1;
    slowestSamplingMs = Math.max(slowestSamplingMs, item.revisedSamplingMs);
  }
  return {
    monitoredItems: monitored,
    failedItems: failed.length,
    ...(failed.length === 0 ? {} : { failed: failed.slice(0, 10).join('; ') }),
    itemsWithSlowerSampling: revisedSampling,
    itemsWithOtherQueueSize: revisedQueues,
    slowestSamplingMs,
  };
}

import type { TransferSubscriptionsResponse } from 'node-opcua-client';
import type { OpcUaConnection } from '../../topology/schema/opcua.ts';
import { resolveNodeAddress } from '../../topology/syntax/node-address.ts';
import { faultOf } from './errors.ts';
import type { Item, Layout } from './layout.ts';
import type { OpcUaLibrary } from './library.ts';
import type { SubscriptionState } from './publisher.ts';
import { createMonitoredItems, type OperationLimits } from './services.ts';
import type { FieldSession } from './session.ts';
import { reasonOfStatus } from './status.ts';

const VALUE_ATTRIBUTE = 13;
/** More than this in one response comes in several. */
const MAX_NOTIFICATIONS_PER_PUBLISH = 5000;

/** A subscription as the server agreed to it. */
export interface Subscription {
  readonly state: SubscriptionState;
  readonly publishingIntervalMs: number;
  readonly keepAliveCount: number;
  readonly lifetimeCount: number;
}

/**
 * How many publishing intervals the server may stay silent. The topology file sets the most; less is asked for where a
 * device's expected interval is shorter, since each keep-alive is the proof that unchanged values still hold.
 */
export function keepAliveCount(settings: OpcUaConnection, layout: Layout): number {
  let shortestMs = Number.POSITIVE_INFINITY;
  for (const { definition } of layout.devices.values())
    shortestMs = Math.min(shortestMs, definition.expectedIntervalMs);
  const wanted = Math.floor(shortestMs / settings.publishingIntervalMs);
  return Math.max(1, Math.min(settings.maxKeepAliveCount, wanted));
}

export async function createSubscription(
  session: FieldSession,
  settings: OpcUaConnection,
  layout: Layout,
): Promise<Subscription> {
  const keepAlive = keepAliveCount(settings, layout);
  try {
    const answer = await session.createSubscription({
      requestedPublishingInterval: settings.publishingIntervalMs,
      requestedMaxKeepAliveCount: keepAlive,
      // The lifetime must be at least three keep-alives (OPC 10000-4, 5.14.2.2).
      requestedLifetimeCount: Math.max(settings.lifetimeCount, keepAlive * 3),
      maxNotificationsPerPublish: MAX_NOTIFICATIONS_PER_PUBLISH,
      publishingEnabled: true,
      priority: 0,
    });
    return {
      state: { id: answer.subscriptionId, nextSequence: null, unacknowledged: [] },
      publishingIntervalMs: answer.revisedPublishingInterval,
      keepAliveCount: answer.revisedMaxKeepAliveCount,
      lifetimeCount: answer.revisedLifetimeCount,
    };
  } catch (error) {
    throw faultOf(error);
  }
}

/** Resolves every address against the server's namespaces; true when a monitored item now means another node. */
export function resolveItems(layout: Layout, namespaces: readonly string[]): boolean {
  let moved = false;
  for (const item of layout.items.values()) {
    const nodeId = item.address === null ? null : resolveNodeAddress(item.address, namespaces);
    if (item.serverId !== null && nodeId !== item.nodeId) moved = true;
    item.nodeId = nodeId;
    if (nodeId === null) item.failure = item.address === null ? 'opcua_invalid_node_id' : 'opcua_unknown_namespace';
  }
  return moved;
}

/** Creates what has no monitored item yet. One bad node fails alone: the items that could not be created are returned, with their reason. */
export async function monitorItems(
  session: FieldSession,
  library: OpcUaLibrary,
  subscription: Subscription,
  layout: Layout,
  limits: OperationLimits,
): Promise<Item[]> {
  const wanted: Item[] = [];
  const failed: Item[] = [];
  for (const item of layout.items.values()) {
    if (item.serverId !== null) continue;
    if (item.nodeId === null) failed.push(item);
    else wanted.push(item);
  }
  const reporting = library.client.MonitoringMode.Reporting;
  const requests = wanted.map((item) => ({
    itemToMonitor: { nodeId: item.nodeId, attributeId: VALUE_ATTRIBUTE },
    monitoringMode: reporting,
    requestedParameters: {
      clientHandle: item.handle,
      samplingInterval: item.samplingMs,
      queueSize: item.queueSize,
      discardOldest: true,
    },
  }));
  const results = await createMonitoredItems(session, library, subscription.state.id, requests, limits);
  for (const [i, item] of wanted.entries()) {
    const result = results[i];
    if (result === undefined || result.statusCode.isNotGood()) {
      item.failure = result === undefined ? 'opcua_no_answer' : reasonOfStatus(result.statusCode.name);
      failed.push(item);
      continue;
    }
    item.failure = null;
    item.serverId = result.monitoredItemId;
    item.revisedSamplingMs = result.revisedSamplingInterval;
    item.revisedQueueSize = result.revisedQueueSize;
  }
  return failed;
}

/** Takes away the monitored items that a changed topology no longer wants. */
export async function dropItems(
  session: FieldSession,
  subscription: Subscription,
  items: readonly Item[],
): Promise<void> {
  const monitoredItemIds = items.flatMap((item) => (item.serverId === null ? [] : [item.serverId]));
  for (const item of items) item.serverId = null;
  if (monitoredItemIds.length === 0) return;
  await session.deleteMonitoredItems({ subscriptionId: subscription.state.id, monitoredItemIds });
}

/** Asks a new session to take over the subscription of a lost one (OPC 10000-4, 5.14.7). False: the server no longer has it. */
export async function transferSubscription(session: FieldSession, subscription: Subscription): Promise<boolean> {
  try {
    const answer = await new Promise<TransferSubscriptionsResponse>((resolve, reject) => {
      const request = { subscriptionIds: [subscription.state.id], sendInitialValues: true };
      session.transferSubscriptions(request, (error, response) => {
        if (error !== null || response === undefined) reject(error ?? new Error('no answer to the transfer'));
        else resolve(response);
      });
    });
    return answer.results?.[0]?.statusCode.isGood() ?? false;
  } catch (error) {
    const fault = faultOf(error);
    if (fault.code === 'timeout' || fault.code === 'connection_lost') throw fault;
    return false;
  }
}

export function forgetItems(layout: Layout): void {
  for (const item of layout.items.values()) item.serverId = null;
}

/** Restarts the subscription's lifetime without changing it. */
export async function touchSubscription(session: FieldSession, subscription: Subscription): Promise<void> {
  await session.modifySubscription({
    subscriptionId: subscription.state.id,
    requestedPublishingInterval: subscription.publishingIntervalMs,
    requestedMaxKeepAliveCount: subscription.keepAliveCount,
    requestedLifetimeCount: subscription.lifetimeCount,
    maxNotificationsPerPublish: MAX_NOTIFICATIONS_PER_PUBLISH,
    priority: 0,
  });
}

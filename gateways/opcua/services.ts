import type {
  DataValue,
  MonitoredItemCreateRequestOptions,
  MonitoredItemCreateResult,
  NotificationMessage,
  PublishResponse,
  StatusCode,
} from 'node-opcua-client';
import { faultOf } from './errors.ts';
import type { OpcUaLibrary } from './library.ts';
import type { PublishPort } from './publisher.ts';
import type { FieldSession } from './session.ts';

/** Well-known nodes of the server object (OPC 10000-6, annex A). */
const NAMESPACE_ARRAY = 'i=2255';
/** By the server's own clock; read along with values, to know as of when they hold. */
export const SERVER_TIME = 'i=2258';
const SERVER_STATE = 'i=2259';
const SERVICE_LEVEL = 'i=2267';
const MAX_NODES_PER_READ = 'i=11705';
const MAX_MONITORED_ITEMS_PER_CALL = 'i=11714';

const VALUE_ATTRIBUTE = 13;
/** Ours, where the server sets no limit: a request stays small enough for any buffer. */
const LARGEST_BATCH = 500;

/** What the server will take in one call. */
export interface OperationLimits {
  readonly nodesPerRead: number;
  readonly monitoredItemsPerCall: number;
}

export async function readOperationLimits(session: FieldSession): Promise<OperationLimits> {
  const values = await session.read(
    [MAX_NODES_PER_READ, MAX_MONITORED_ITEMS_PER_CALL].map((nodeId) => ({ nodeId, attributeId: VALUE_ATTRIBUTE })),
  );
  const limit = (value: DataValue | undefined): number => {
    const given: unknown = value?.value?.value;
    // 0 and an absent node both mean: no limit (OPC 10000-5, 6.3.11).
    return typeof given === 'number' && given > 0 ? Math.min(given, LARGEST_BATCH) : LARGEST_BATCH;
  };
  return { nodesPerRead: limit(values[0]), monitoredItemsPerCall: limit(values[1]) };
}

export async function readNamespaces(session: FieldSession): Promise<readonly string[]> {
  const answer = await session.read({ nodeId: NAMESPACE_ARRAY, attributeId: VALUE_ATTRIBUTE });
  const names: unknown = answer.value?.value;
  return Array.isArray(names) ? names.map(String) : [];
}

export interface ServerCondition {
  /** 0 is Running (OPC 10000-5, 12.6). */
  readonly state: number;
  readonly serviceLevel: number | null;
}

const STATES = [
  'Running',
  'Failed',
  'NoConfiguration',
  'Suspended',
  'Shutdown',
  'Test',
  'CommunicationFault',
  'Unknown',
];

export function nameOfServerState(state: number): string {
  return STATES[state] ?? `State${state}`;
}

export async function readServerCondition(session: FieldSession): Promise<ServerCondition> {
  const [state, level] = await session.read([
    { nodeId: SERVER_STATE, attributeId: VALUE_ATTRIBUTE },
    { nodeId: SERVICE_LEVEL, attributeId: VALUE_ATTRIBUTE },
  ]);
  const stateValue: unknown = state?.value?.value;
  const levelValue: unknown = level?.value?.value;
  return {
    state: typeof stateValue === 'number' ? stateValue : 7,
    serviceLevel: typeof levelValue === 'number' ? levelValue : null,
  };
}

/** Values of many nodes, in order, in calls the server allows. */
export async function readValues(
  session: FieldSession,
  nodeIds: readonly string[],
  limits: OperationLimits,
): Promise<DataValue[]> {
  const values: DataValue[] = [];
  for (let from = 0; from < nodeIds.length; from += limits.nodesPerRead) {
    const batch = nodeIds.slice(from, from + limits.nodesPerRead);
    values.push(...(await session.read(batch.map((nodeId) => ({ nodeId, attributeId: VALUE_ATTRIBUTE })))));
  }
  return values;
}

/** Creates monitored items in calls the server allows; a server that finds a call too large after all gets halves of it. */
export async function createMonitoredItems(
  session: FieldSession,
  library: OpcUaLibrary,
  subscriptionId: number,
  requests: readonly MonitoredItemCreateRequestOptions[],
  limits: OperationLimits,
): Promise<MonitoredItemCreateResult[]> {
  const results: MonitoredItemCreateResult[] = [];
  let size = limits.monitoredItemsPerCall;
  while (results.length < requests.length) {
    const batch = requests.slice(results.length, results.length + size);
    try {
      const response = await session.createMonitoredItems({
        subscriptionId,
        timestampsToReturn: library.client.TimestampsToReturn.Both,
        itemsToCreate: [...batch],
      });
      results.push(...(response.results ?? []));
      if ((response.results?.length ?? 0) !== batch.length)
        throw new Error('createMonitoredItems: results are missing');
    } catch (error) {
      if (size === 1 || !/BadTooManyOperations|BadEncodingLimitsExceeded/.test(String(error))) throw faultOf(error);
      size = Math.ceil(size / 2);
    }
  }
  return results;
}

export function publishPort(session: FieldSession, library: OpcUaLibrary): PublishPort {
  const { PublishRequest, RepublishRequest } = library.client;
  return {
    publish: (acknowledge, subscriptionId, timeoutMs) =>
      new Promise<PublishResponse>((resolve, reject) => {
        const request = new PublishRequest({
          requestHeader: { timeoutHint: timeoutMs },
          subscriptionAcknowledgements: acknowledge.map((sequenceNumber) => ({ sequenceNumber, subscriptionId })),
        });
        session.publish(request, (error, response) => {
          if (error !== null || response === undefined) reject(error ?? new Error('no publish response'));
          else resolve(response);
        });
      }),
    republish: (subscriptionId, sequence) =>
      new Promise<NotificationMessage | null>((resolve, reject) => {
        const request = new RepublishRequest({ subscriptionId, retransmitSequenceNumber: sequence });
        session.republish(request, (error, response) => {
          // Some servers say so as a fault, some as the result of an ordinary answer.
          const result: StatusCode | undefined = response?.responseHeader.serviceResult;
          if (/BadMessageNotAvailable/.test(`${error?.message ?? ''} ${result?.name ?? ''}`)) resolve(null);
          else if (error !== null || response === undefined) reject(error ?? new Error('no republish response'));
          else resolve(response.notificationMessage);
        });
      }),
  };
}

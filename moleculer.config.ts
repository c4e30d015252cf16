import type { BrokerOptions } from 'moleculer';

/**
 * Every value that decides how nodes find each other, with its reason; nothing is left to Moleculer's defaults. Placement is
 * not among them: calls name their node (`nodeID`), from our own shard map.
 */
export function brokerOptions(node: string, cell: string): BrokerOptions {
  return {
    nodeID: node,
    namespace: `signalbox-${cell}`,
    // A call is one batch on its way; the answer to each message in it comes by a call in the other direction.
    requestTimeout: 1000,
    // Repeats are the sender's, who knows what may be repeated.
    retryPolicy: { enabled: false, retries: 0, delay: 0, maxDelay: 0, factor: 2, check: () => false },
    contextParamsCloning: false,
    maxCallLevel: 0,
    tracking: { enabled: false, shutdownTimeout: 0 },
    // The other brokers' own heartbeats are hints for diagnosis; who is alive says the lease in the database.
    heartbeatInterval: 1,
    heartbeatTimeout: 3,
    registry: {
      strategy: 'RoundRobin',
      preferLocal: false,
      discoverer: {
        type: 'Local',
        options: {
          heartbeatInterval: 1,
          heartbeatTimeout: 3,
          disableHeartbeatChecks: false,
          disableOfflineNodeRemoving: false,
          cleanOfflineNodesTimeout: 60,
        },
      },
    },
    disableBalancer: false,
    transit: {
      maxQueueSize: 10_000,
      maxChunkSize: 256 * 1024,
      disableReconnect: false,
      disableVersionCheck: false,
    },
    circuitBreaker: { enabled: false, threshold: 0.5, minRequestCount: 20, windowTime: 60, halfOpenTime: 10_000 },
    bulkhead: { enabled: false, concurrency: 10, maxQueueSize: 100 },
    // Measured: JSON is as fast as CBOR at our sizes, MessagePack five times slower.
    serializer: 'JSON',
    cacher: false,
    validator: false,
    metrics: false,
    tracing: false,
    internalServices: false,
    // Time-outs of calls are one of them.
    internalMiddlewares: true,
    hotReload: false,
    skipProcessEventRegistration: true,
    maxSafeObjectSize: 1024,
  };
}

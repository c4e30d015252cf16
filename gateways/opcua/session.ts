import type {
  ClientSession,
  ClientSessionPublishService,
  ClientSessionRawSubscriptionService,
} from 'node-opcua-client';

/** A session with the plain subscription services: the library has them, but keeps them out of the type it returns. */
export type FieldSession = ClientSession & ClientSessionRawSubscriptionService & ClientSessionPublishService;

const SERVICES = [
  'createSubscription',
  'createMonitoredItems',
  'deleteMonitoredItems',
  'modifySubscription',
  'transferSubscriptions',
  'publish',
  'republish',
] as const;

export function isFieldSession(session: ClientSession): session is FieldSession {
  return SERVICES.every((service) => service in session);
}

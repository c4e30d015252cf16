import type { OPCUAClient, UserIdentityInfo } from 'node-opcua-client';
import type { OpcUaConnection } from '../../topology/schema/opcua.ts';
import {
  type CertificateStore,
  certificateManager,
  describeServerCertificate,
  requireTrusted,
  type ServerCertificate,
} from './certificates.ts';
import { faultOf, OpcUaFault, withDeadline } from './errors.ts';
import type { OpcUaLibrary } from './library.ts';
import { type FieldSession, isFieldSession } from './session.ts';

/** Longest the server keeps our session without hearing from us: within it a lost channel is resumed without a gap. */
const SESSION_TIMEOUT_MS = 60_000;
const REQUEST_TIMEOUT_MS = 5000;
const CLOSE_TIMEOUT_MS = 1000;

/** A secure channel that is open. It never reconnects by itself: when it is lost, `lost` says so and the link decides. */
export interface Channel {
  readonly client: OPCUAClient;
  readonly serverCertificate: ServerCertificate | null;
  /** Resolves with the cause when the channel breaks. */
  readonly lost: Promise<OpcUaFault>;
  /** Closes within a second, also when the server hangs. The session stays alive on the server. */
  close(): Promise<void>;
}

export interface ChannelOptions {
  readonly library: OpcUaLibrary;
  readonly store: CertificateStore;
  readonly settings: OpcUaConnection;
  readonly clientName: string;
  /** A trusted certificate of the server, also one that has ended and therefore is refused. */
  readonly onServerCertificate?: (certificate: ServerCertificate) => void;
}

/** Connects, checks the server's certificate against the store, and opens the secure channel. Throws an OpcUaFault. */
export async function openChannel(options: ChannelOptions): Promise<Channel> {
  const { settings } = options;
  const deadlineMs = Date.now() + settings.connectTimeoutMs;
  const secure = settings.security.policy !== 'None';
  if (secure && settings.security.mode === 'None')
    throw new OpcUaFault('bad_settings', `security mode None with policy ${settings.security.policy}`);
  const serverCertificate = secure ? await trustedServerCertificate(options, deadlineMs) : null;
  const client = createClient(options, serverCertificate);
  const lost = new Promise<OpcUaFault>((resolve) => {
    client.on('close', (error) =>
      resolve(new OpcUaFault('connection_lost', error?.message ?? 'the server closed the connection')),
    );
  });
  try {
    await withDeadline(client.connect(settings.endpoint), Math.max(1, deadlineMs - Date.now()), 'connecting');
  } catch (error) {
    await disconnect(client);
    throw faultOf(error, 'connection_lost');
  }
  return { client, serverCertificate, lost, close: () => disconnect(client) };
}

/** Asks an unsecured discovery channel for the endpoint with our policy and takes its certificate, if a person trusts it. */
async function trustedServerCertificate(options: ChannelOptions, deadlineMs: number): Promise<ServerCertificate> {
  const { library, settings, store } = options;
  const discovery = library.client.OPCUAClient.create({
    ...clientOptions(options),
    securityMode: library.client.MessageSecurityMode.None,
    securityPolicy: library.client.SecurityPolicy.None,
  });
  const leftMs = (): number => Math.max(1, deadlineMs - Date.now());
  try {
    await withDeadline(discovery.connect(settings.endpoint), leftMs(), 'connecting');
    const endpoints = await withDeadline(discovery.getEndpoints(), leftMs(), 'asking for endpoints');
    const policy = library.client.SecurityPolicy[settings.security.policy];
    const mode = library.client.MessageSecurityMode[settings.security.mode];
    const endpoint = endpoints.find(
      (candidate) => candidate.securityPolicyUri === policy && candidate.securityMode === mode,
    );
    if (endpoint === undefined)
      throw new OpcUaFault(
        'opcua_endpoint_not_offered',
        `the server offers no endpoint with ${settings.security.policy}, ${settings.security.mode}`,
      );
    const certificate = describeServerCertificate(endpoint.serverCertificate);
    const manager = certificateManager(library, store.folder);
    try {
      await manager.initialize();
      await requireTrusted(manager, store, certificate, options.onServerCertificate);
    } finally {
      await manager.dispose();
    }
    return certificate;
  } catch (error) {
    throw faultOf(error, 'connection_lost');
  } finally {
    await disconnect(discovery);
  }
}

function createClient(options: ChannelOptions, serverCertificate: ServerCertificate | null): OPCUAClient {
  const { library, settings } = options;
  const { MessageSecurityMode, SecurityPolicy } = library.client;
  return library.client.OPCUAClient.create({
    ...clientOptions(options),
    securityMode: serverCertificate === null ? MessageSecurityMode.None : MessageSecurityMode[settings.security.mode],
    securityPolicy: SecurityPolicy[settings.security.policy],
    ...(serverCertificate === null ? {} : { serverCertificate: serverCertificate.der }),
  });
}

function clientOptions(options: ChannelOptions): Parameters<OpcUaLibrary['client']['OPCUAClient']['create']>[0] {
  const { library, store } = options;
  return {
    applicationName: 'Signalbox',
    applicationUri: store.applicationUri,
    clientName: options.clientName,
    certificateFile: store.certificateFile,
    privateKeyFile: store.privateKeyFile,
    clientCertificateManager: certificateManager(library, store.folder),
    // A server reached through another name or address than it believes to have is common on a plant network.
    endpointMustExist: false,
    // The link reconnects, with its own back-off and visible state; the library must not do it beside it.
    connectionStrategy: { maxRetry: 0, initialDelay: 100, maxDelay: 1000 },
    keepSessionAlive: false,
    keepPendingSessionsOnDisconnect: true,
    requestedSessionTimeout: SESSION_TIMEOUT_MS,
    defaultTransactionTimeout: REQUEST_TIMEOUT_MS,
    // The library closes a socket that was silent for so long: that judgement is the watchdog's.
    transportTimeout: 60_000,
  };
}

/** Who comes in, by the settings: null is anonymous. Throws `secret_missing`. */
export function userOf(
  { user, password }: OpcUaConnection,
  secret: (reference: string) => string,
): { readonly name: string; readonly password: string } | null {
  if (user === undefined) return null;
  if (password === undefined) return { name: user, password: '' };
  try {
    return { name: user, password: secret(password) };
  } catch (error) {
    throw new OpcUaFault('secret_missing', error instanceof Error ? error.message : String(error), error);
  }
}

/** Makes a new session on the channel. Throws `not_authorized` when the server does not know the user. */
export async function createSession(
  library: OpcUaLibrary,
  channel: Channel,
  user: { readonly name: string; readonly password: string } | null,
  timeoutMs: number,
): Promise<FieldSession> {
  const identity: UserIdentityInfo =
    user === null
      ? { type: library.client.UserTokenType.Anonymous }
      : { type: library.client.UserTokenType.UserName, userName: user.name, password: user.password };
  try {
    const session = await withDeadline(channel.client.createSession(identity), timeoutMs, 'creating a session');
    if (!isFieldSession(session)) throw new OpcUaFault('bad_settings', 'node-opcua lacks a service we need');
    // Measured: on BadSessionIdInvalid the library makes a new session in silence and sends the request again, which could
    // replay a write. Its own guard against doing so twice turns that off.
    return Object.assign(session, { recursive_repair_detector: 1 });
  } catch (error) {
    throw faultOf(error, 'connection_lost');
  }
}

/** Activates a session of a lost channel on this one. False when the server no longer has it. */
export async function resumeSession(channel: Channel, session: FieldSession, timeoutMs: number): Promise<boolean> {
  try {
    await withDeadline(channel.client.reactivateSession(session), timeoutMs, 'activating the session again');
    return true;
  } catch (error) {
    const fault = faultOf(error);
    // Nothing is known about the server's view then: another new session would only be lost in the same way.
    if (fault.code === 'timeout' || fault.code === 'connection_lost') throw fault;
    return false;
  }
}

export async function closeSession(session: FieldSession): Promise<void> {
  await withDeadline(session.close(true), CLOSE_TIMEOUT_MS, 'closing the session').catch(() => undefined);
}

async function disconnect(client: OPCUAClient): Promise<void> {
  await withDeadline(client.disconnect(), CLOSE_TIMEOUT_MS, 'disconnecting').catch(() => undefined);
}

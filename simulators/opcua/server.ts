import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { UAObject, UAVariable } from 'node-opcua-address-space-base';
import type { OPCUAServer, ServerSession } from 'node-opcua-server';

export type OpcUaDataType = 'Double' | 'Boolean' | 'Int32' | 'String';
export type OpcUaValue = number | boolean | string;
/** Of the status codes that a real server shows; any other name of the standard serves as well. */
export type OpcUaStatus =
  | 'Good'
  | 'BadSensorFailure'
  | 'BadDeviceFailure'
  | 'BadNotConnected'
  | 'UncertainLastUsableValue';

export interface OpcUaVariable {
  /** Within the namespace: `s=Turbine1.WindSpeed`. What stands before the first dot becomes a folder. */
  readonly nodeId: string;
  readonly dataType: OpcUaDataType;
  readonly writable?: boolean;
  readonly displayName?: string;
}

export interface OpcUaServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly namespaceUri: string;
  /** Registered before `namespaceUri`, so that its index moves. */
  readonly namespacesBefore?: readonly string[];
  /** For the server's own certificate and those of its clients, which it trusts on sight. Absent: made anew, kept in a temporary folder. */
  readonly certificateDir?: string;
  readonly security?: 'None' | 'Basic256Sha256';
  /** Without users everyone may come in. */
  readonly users?: readonly { readonly name: string; readonly password: string }[];
  readonly variables: readonly OpcUaVariable[];
}

export interface OpcUaSetOptions {
  readonly sourceTimeMs?: number;
  readonly status?: OpcUaStatus;
}

/**
 * `refuse` cuts all clients off and takes no new ones; `cut` breaks every connection once and keeps sessions and
 * subscriptions, as a network does; `forget` does so too and ends the sessions, whose subscriptions live on until somebody takes
 * them over, as when sessions time out; `suspended` goes on serving and says so in its server status.
 */
export type OpcUaFaultKind = 'refuse' | 'cut' | 'forget' | 'suspended';

export interface OpcUaServer {
  readonly port: number;
  readonly endpoint: string;
  set(nodeId: string, value: OpcUaValue, options?: OpcUaSetOptions): void;
  /** A variable that was not there before, as when a server loads its project late. */
  add(variable: OpcUaVariable): void;
  /** Called for each write of a client. */
  onWrite(callback: (nodeId: string, value: OpcUaValue) => void): void;
  /** Null ends `refuse` and `suspended`. */
  setFault(fault: { readonly kind: OpcUaFaultKind } | null): Promise<void>;
  close(): Promise<void>;
}

const SAMPLING_MIN_MS = 50;

/** A real OPC UA server with the given variables. It loads a small node set instead of the standard one: 40 MB less. */
export async function createOpcUaServer(options: OpcUaServerOptions): Promise<OpcUaServer> {
  const library = await loadLibrary();
  const temporaryDir = options.certificateDir === undefined ? await mkdtemp(join(tmpdir(), 'opcua-simulator-')) : null;
  const server = await startServer(library, options, options.certificateDir ?? temporaryDir ?? '');
  const { DataType, StatusCodes, ServerState } = library;
  const writers: ((nodeId: string, value: OpcUaValue) => void)[] = [];
  let setting = false;
  const variables = new Map<string, Known>();
  const add = variableAdder(library, server, options, (nodeId, value) => {
    if (!setting) for (const writer of writers) writer(nodeId, value);
  });
  for (const variable of options.variables) variables.set(variable.nodeId, add(variable));
  const sessions = new Set<ServerSession>();
  server.on('create_session', (session) => sessions.add(session));
  server.on('session_closed', (session) => sessions.delete(session));
  await server.start();
  const port = Number(new URL(server.getEndpointUrl().replace(/^opc\.tcp/, 'http')).port);
  const endpoints = server.endpoints;

  return {
    port,
    endpoint: `opc.tcp://${options.host}:${port}`,
    set(nodeId, value, { sourceTimeMs, status = 'Good' } = {}) {
      const known = variables.get(nodeId);
      if (known === undefined) throw new Error(`no variable ${nodeId}`);
      setting = true;
      try {
        known.variable.setValueFromSource(
          { dataType: DataType[known.dataType], value },
          StatusCodes[status],
          sourceTimeMs === undefined ? new Date() : new Date(sourceTimeMs),
        );
      } finally {
        setting = false;
      }
    },
    add(variable) {
      variables.set(variable.nodeId, add(variable));
    },
    onWrite(callback) {
      writers.push(callback);
    },
    async setFault(fault) {
      server.engine.setServerState(fault?.kind === 'suspended' ? ServerState.Suspended : ServerState.Running);
      for (const endpoint of endpoints) {
        if (fault?.kind !== 'suspended') endpoint.abruptlyInterruptChannels();
        if (fault?.kind === 'refuse') await settled((done) => endpoint.suspendConnection(done));
        else if (fault === null) await settled((done) => endpoint.restoreConnection(done)).catch(() => undefined);
      }
      if (fault?.kind !== 'forget') return;
      for (const { authenticationToken } of [...sessions])
        server.engine.closeSession(authenticationToken, false, 'Timeout');
    },
    async close() {
      await server.shutdown(0);
      server.dispose();
      if (temporaryDir !== null) await rm(temporaryDir, { recursive: true, force: true });
    },
  };
}

type Library = Awaited<ReturnType<typeof loadLibrary>>;

/** Loaded when a server is made, and only what it needs. */
async function loadLibrary() {
  const debug = await import('node-opcua-debug');
  const silent = (): void => undefined;
  const { OPCUAServer } = await import('node-opcua-server');
  debug.setWarningLogger(silent);
  debug.setErrorLogger(silent);
  const { OPCUACertificateManager } = await import('node-opcua-certificate-manager');
  const { MessageSecurityMode, SecurityPolicy } = await import('node-opcua-secure-channel');
  const { DataType } = await import('node-opcua-variant');
  const { StatusCodes } = await import('node-opcua-status-code');
  const { ServerState } = await import('node-opcua-common');
  return {
    OPCUAServer,
    OPCUACertificateManager,
    MessageSecurityMode,
    SecurityPolicy,
    DataType,
    StatusCodes,
    ServerState,
  };
}

async function startServer(
  library: Library,
  options: OpcUaServerOptions,
  certificateDir: string,
): Promise<OPCUAServer> {
  const { MessageSecurityMode, SecurityPolicy } = library;
  const secure = options.security === 'Basic256Sha256';
  const users = options.users ?? [];
  const certificates = new library.OPCUACertificateManager({
    rootFolder: certificateDir,
    automaticallyAcceptUnknownCertificate: true,
    disableFileWatchers: true,
  });
  const server = new library.OPCUAServer({
    host: options.host,
    port: options.port,
    nodeset_filename: [smallNodeSet()],
    securityModes: [secure ? MessageSecurityMode.SignAndEncrypt : MessageSecurityMode.None],
    securityPolicies: [secure ? SecurityPolicy.Basic256Sha256 : SecurityPolicy.None],
    allowAnonymous: users.length === 0,
    userManager: {
      isValidUser: (name: string, password: string) =>
        users.some((user) => user.name === name && user.password === password),
    },
    serverCertificateManager: certificates,
    // Nobody logs in by certificate. Named all the same: the default is made in the home of the user, who may have none.
    userCertificateManager: certificates,
  });
  await server.initialize();
  // The small node set has no event types, and the server throws when it wants to report one (a client that came by another
  // address, for instance).
  const serverObject = server.engine.addressSpace?.rootFolder.objects.server;
  if (serverObject !== undefined) Object.assign(serverObject, { raiseEvent: () => undefined });
  return server;
}

/** The part of the standard node set that a server cannot do without; it comes with the library. */
function smallNodeSet(): string {
  const packageFile = createRequire(import.meta.url).resolve('node-opcua-address-space/package.json');
  return join(dirname(packageFile), 'nodesets', 'mini.Nodeset2.xml');
}

interface Known {
  readonly variable: UAVariable;
  readonly dataType: OpcUaDataType;
}

function variableAdder(
  { DataType }: Library,
  server: OPCUAServer,
  options: OpcUaServerOptions,
  onChange: (nodeId: string, value: OpcUaValue) => void,
): (variable: OpcUaVariable) => Known {
  const { addressSpace } = server.engine;
  if (addressSpace === null) throw new Error('the server has no address space');
  for (const uri of options.namespacesBefore ?? []) addressSpace.registerNamespace(uri);
  const namespace = addressSpace.registerNamespace(options.namespaceUri);
  const folders = new Map<string, UAObject>();
  return ({ nodeId, dataType, writable = false, displayName }) => {
    const [folderName = '', ...rest] = nodeId.replace(/^s=/, '').split('.');
    let folder = folders.get(folderName);
    if (folder === undefined && rest.length > 0) {
      folder = namespace.addFolder(addressSpace.rootFolder.objects, {
        browseName: folderName,
        nodeId: `s=${folderName}`,
      });
      folders.set(folderName, folder);
    }
    const variable = namespace.addVariable({
      ...(folder === undefined ? { organizedBy: addressSpace.rootFolder.objects } : { componentOf: folder }),
      nodeId,
      browseName: rest.length > 0 ? rest.join('.') : folderName,
      ...(displayName === undefined ? {} : { displayName }),
      dataType,
      minimumSamplingInterval: SAMPLING_MIN_MS,
      accessLevel: writable ? 'CurrentRead | CurrentWrite' : 'CurrentRead',
      userAccessLevel: writable ? 'CurrentRead | CurrentWrite' : 'CurrentRead',
      value: { dataType: DataType[dataType], value: initialValue(dataType) },
    });
    variable.on('value_changed', (data) => {
      const value: unknown = data.value.value;
      if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') onChange(nodeId, value);
    });
    return { variable, dataType };
  };
}

function initialValue(dataType: OpcUaDataType): OpcUaValue {
  switch (dataType) {
    case 'Boolean':
      return false;
    case 'String':
      return '';
    default:
      return 0;
  }
}

function settled(work: (done: (error?: Error) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    work((error) => (error === undefined || error === null ? resolve() : reject(error)));
  });
}

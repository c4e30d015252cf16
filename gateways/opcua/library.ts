import type { DriverLog } from '../driver.ts';

type Client = typeof import('node-opcua-client');
type Certificates = typeof import('node-opcua-certificate-manager');

/** The parts of node-opcua that we use: the client alone loads in half the time of the whole and takes 10 MB less. */
export interface OpcUaLibrary {
  readonly client: Client;
  readonly certificates: Certificates;
}

let loading: Promise<OpcUaLibrary> | undefined;

/** Loaded at the first start of a driver, so that a plant without OPC UA does not pay its 60 MB. */
export function loadOpcUa(log: DriverLog): Promise<OpcUaLibrary> {
  loading ??= load(log);
  return loading;
}

async function load(log: DriverLog): Promise<OpcUaLibrary> {
  const client = await import('node-opcua-client');
  const certificates = await import('node-opcua-certificate-manager');
  // It prints warnings straight to the console, NODE-OPCUA-W27 at every load on Node 20; what matters of them reaches
  // us as errors of our calls.
  const forward = (...words: unknown[]): void =>
    log.debug({ source: 'node-opcua' }, words.map(String).join(' ').slice(0, 1000));
  client.setWarningLogger(forward);
  client.setErrorLogger(forward);
  client.setDebugLogger(forward);
  return { client, certificates };
}

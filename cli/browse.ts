import path from 'node:path';
import { OpcUaFault } from '../gateways/opcua/errors.ts';
import { type Exploration, explore } from '../gateways/opcua/explore.ts';
import { visitServer } from '../gateways/opcua/visit.ts';
import type { Plant } from '../topology/plant.ts';
import type { OpcUaConnection } from '../topology/schema/opcua.ts';
import { parseNodeAddress, resolveNodeAddress } from '../topology/syntax/node-address.ts';
import { points, table } from './browse-output.ts';
import { Failure, reportFailure } from './failure.ts';
import { secretsFrom } from './secrets.ts';
import { type SettingsOptions, settingsOf } from './settings.ts';
import { demoFile, readPlant } from './topology.ts';

export interface BrowseCommandOptions extends Pick<SettingsOptions, 'topology' | 'data' | 'config'> {
  readonly depth: string;
  readonly yaml?: boolean;
}

const OBJECTS = 'i=85';
const MAX_DEPTH = 16;
/** As many as a device may have points. */
const MAX_NODES = 5000;
/** As a shell reports a command that Ctrl-C has ended. */
const INTERRUPTED = 130;

/** `signalbox browse CONNECTION [NODE]`: what an OPC UA server has, by a session of its own beside the running plant. */
export function browse(connection: string, node: string | undefined, options: BrowseCommandOptions): Promise<void> {
  return reportFailure(async () => {
    const depth = Number(options.depth);
    if (!Number.isInteger(depth) || depth < 0 || depth > MAX_DEPTH)
      throw new Failure(`signalbox: --depth takes a whole number from 0 to ${MAX_DEPTH}`);
    const settings = settingsOf(options);
    const server = opcuaConnection(await readPlant(settings.TOPOLOGY ?? demoFile()), connection);
    const dataDir = path.resolve(settings.DATA_DIR);
    const interrupt = interruption();
    try {
      const exploration = await visitServer(
        {
          settings: server,
          dataDir,
          secret: secretsFrom(process.env, settings.SECRETS_FILE),
          clientName: `signalbox-browse-${connection}`,
          signal: interrupt.signal,
        },
        async (session, namespaces) => {
          const nodeId = nodeIdOf(node ?? OBJECTS, namespaces);
          return await explore(session, { nodeId, namespaces, depth, maxNodes: MAX_NODES });
        },
      );
      print(exploration, options.yaml === true);
    } catch (error) {
      // What the library still has open would otherwise hold the process.
      if (interrupt.signal.aborted) process.exit(INTERRUPTED);
      throw error instanceof OpcUaFault ? new Failure(`signalbox: ${explain(error, server, dataDir)}`) : error;
    } finally {
      interrupt.end();
    }
  });
}

function opcuaConnection(plant: Plant, id: string): OpcUaConnection {
  const known = [...plant.connections.values()];
  const named = known.filter(({ driver }) => driver === 'opcua').map((connection) => connection.id);
  const choice = named.length === 0 ? 'the topology has no opcua connection' : `opcua connections: ${named.join(', ')}`;
  const settings = plant.connections.get(id)?.settings;
  if (settings === undefined) throw new Failure(`signalbox: there is no connection ${id}; ${choice}`);
  if (settings.driver !== 'opcua')
    throw new Failure(
      `signalbox: connection ${id} is of driver ${settings.driver}, which has nothing to browse; ${choice}`,
    );
  return settings;
}

function nodeIdOf(text: string, namespaces: readonly string[]): string {
  const address = parseNodeAddress(text);
  if (address === null)
    throw new Failure(`signalbox: ${text} is no node id; write nsu=<uri>;s=<name>, ns=2;s=<name> or i=85`);
  const nodeId = resolveNodeAddress(address, namespaces);
  if (nodeId === null)
    throw new Failure(`signalbox: the server has no such namespace; it has ${namespaces.join(', ')}`);
  return nodeId;
}

function print({ nodes, truncated, refused }: Exploration, yaml: boolean): void {
  console.log((yaml ? points(nodes) : table(nodes)).join('\n'));
  // Beside the output, so that what is pasted or piped stays whole.
  for (const line of refused) console.error(`Note: ${line}`);
  if (truncated)
    console.error(`Note: there is more: the list ends after ${MAX_NODES} nodes; name a node further down.`);
}

/** Why it could not be browsed, and what helps. */
function explain(fault: OpcUaFault, { endpoint, connectTimeoutMs }: OpcUaConnection, dataDir: string): string {
  const certificate = path.join(dataDir, 'opcua-pki', 'own', 'certs', 'signalbox.pem');
  switch (fault.code) {
    case 'connection_refused':
      return `${endpoint} cannot be reached: nothing listens there (connection_refused)`;
    case 'host_not_found':
      return `${endpoint} cannot be reached: its host name is unknown here (host_not_found)`;
    case 'host_unreachable':
      return `${endpoint} cannot be reached: there is no way to its host (host_unreachable)`;
    case 'timeout':
      return `${endpoint} does not answer: ${fault.message} (timeout; connectTimeoutMs is ${connectTimeoutMs})`;
    case 'own_certificate_rejected':
      return `${endpoint} does not trust us: ${fault.message}; make the server trust ${certificate}`;
    default:
      return `${endpoint}: ${fault.message} (${fault.code})`;
  }
}

/** The first Ctrl-C closes the session, a second one does not wait for that. */
function interruption(): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    end: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}

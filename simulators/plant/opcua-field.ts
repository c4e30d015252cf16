import type { ConnectionDefinition } from '../../topology/plant.ts';
import type { Point } from '../../topology/schema/device.ts';
import type { OpcUaVariable } from '../opcua/server.ts';
import type { Field } from './field.ts';

interface Variable extends OpcUaVariable {
  readonly device: string;
  readonly point: string;
}

/** The server of the wind farm: one OPC UA server with a variable for each point of each turbine. */
export async function openOpcUaField(connection: ConnectionDefinition): Promise<Field> {
  const { settings } = connection;
  if (settings.driver !== 'opcua') throw new Error(`${connection.id} is not OPC UA`);
  const { createOpcUaServer } = await import('../opcua/server.ts');
  const endpoint = new URL(settings.endpoint.replace(/^opc\.tcp:/, 'http:'));
  const { namespaceUri, variables } = variablesOf(connection);
  const server = await createOpcUaServer({
    host: endpoint.hostname,
    port: Number(endpoint.port),
    namespaceUri,
    security: settings.security.policy === 'None' ? 'None' : 'Basic256Sha256',
    variables: variables.map(({ nodeId, dataType }) => ({ nodeId, dataType })),
  });
  let isCut = false;
  let closed = false;

  return {
    apply({ nowMs, readings, events }) {
      if (closed) return;
      const cut = events.some((event) => event.kind === 'cut' && event.connection === connection.id);
      if (cut !== isCut) {
        isCut = cut;
        // A fault of the simulator itself shows as a link that does not break; the plant goes on.
        server.setFault(cut ? { kind: 'refuse' } : null).catch(() => undefined);
      }
      const lateMs = new Map(events.flatMap((event) => (event.kind === 'late' ? [[event.device, event.byMs]] : [])));
      for (const { device, point, nodeId } of variables) {
        const value = readings.get(device)?.[point];
        if (value === undefined) continue;
        server.set(nodeId, value, { sourceTimeMs: nowMs - (lateMs.get(device) ?? 0) });
      }
    },
    close() {
      closed = true;
      return server.close();
    },
  };
}

/** Node ids in the topology carry the namespace by name; all of the simulator's are in one. */
export function variablesOf(connection: ConnectionDefinition): { namespaceUri: string; variables: Variable[] } {
  const namespaces = new Set<string>();
  const variables: Variable[] = [];
  for (const device of connection.devices) {
    for (const { name, opcua, type } of device.points) {
      const [, namespace, nodeId] = /^nsu=([^;]+);(.+)$/.exec(`${device.opcua?.nodePrefix ?? ''}${opcua?.node}`) ?? [];
      if (namespace === undefined || nodeId === undefined) throw new Error(`${device.id}.${name} names no namespace`);
      namespaces.add(namespace);
      variables.push({ device: device.id, point: name, nodeId, dataType: DATA_TYPES[type] });
    }
  }
  const [namespaceUri, second] = namespaces;
  if (namespaceUri === undefined || second !== undefined)
    throw new Error(`${connection.id} needs exactly one namespace`);
  return { namespaceUri, variables };
}

const DATA_TYPES: Readonly<Record<Point['type'], OpcUaVariable['dataType']>> = {
  number: 'Double',
  boolean: 'Boolean',
  string: 'String',
};

import type { AssembledDevice, Assembly } from '../assembly.ts';
import type { Entry } from '../draft.ts';
import type { Connection } from '../schema/device.ts';
import type { ModbusConnection } from '../schema/modbus.ts';
import type { OpcUaConnection } from '../schema/opcua.ts';
import type { Source } from '../source.ts';
import { parseEmbeddedAddress } from '../syntax/embedded-address.ts';
import { checkMqtt } from './mqtt.ts';

/** Links to the field that can be made as they are described: what is wrong here would only be seen once the plant runs. */
export function checkConnections(assembly: Assembly, source: Source): void {
  const devices = new Map<string, AssembledDevice[]>();
  for (const device of assembly.devices) {
    const list = devices.get(device.device.connection);
    if (list) list.push(device);
    else devices.set(device.device.connection, [device]);
  }
  const places = new Map<string, string>();
  for (const { value, path } of assembly.draft.connections.entries) {
    checkUser(value, path, source);
    checkRival(places, value, path, source);
    switch (value.driver) {
      case 'modbus':
        checkModbus(value, path, devices.get(value.id) ?? [], source);
        break;
      case 'opcua':
        checkOpcUa(value, path, source);
        break;
      case 'mqtt':
        checkMqtt(value, path, devices.get(value.id) ?? [], source);
    }
  }
}

type At = Entry<unknown>['path'];

function checkUser(connection: Connection, path: At, source: Source): void {
  if (connection.driver === 'modbus' || (connection.user === undefined) === (connection.password === undefined)) return;
  const [given, missing] = connection.user === undefined ? ['password', 'user'] : ['user', 'password'];
  // A broker may know its clients by the name alone; a password without a name is never asked for.
  const severity = given === 'user' ? 'warning' : 'error';
  source.report({
    at: [...path, given],
    atKey: true,
    code: 'CREDENTIALS_INCOMPLETE',
    severity,
    message: `there is a ${given} and no ${missing}`,
    suggestion: missing === 'user' ? 'add user' : `password: "\${secret:${connection.id}}"`,
  });
}

/** Two connections that would take the place from each other. */
function checkRival(places: Map<string, string>, connection: Connection, path: At, source: Source): void {
  const place = placeOf(connection);
  if (place === null) return;
  const { key, text } = place;
  const other = places.get(text);
  if (other === undefined) {
    places.set(text, connection.id);
    return;
  }
  source.report({
    at: [...path, key],
    code: 'CONNECTION_CONFLICT',
    message: `connection ${other} has ${text} already`,
    suggestion: 'give each its own, or put the devices on one connection',
  });
}

function placeOf(connection: Connection): { readonly key: string; readonly text: string } | null {
  if (connection.driver === 'modbus')
    return connection.serial === undefined
      ? null
      : { key: 'serial', text: `the serial line ${connection.serial.path}` };
  if (connection.driver === 'opcua') return null;
  const embedded = connection.url.startsWith('embedded:') ? parseEmbeddedAddress(connection.url) : null;
  // Port 0 is any free one.
  if (embedded !== null)
    return embedded.port === 0 ? null : { key: 'url', text: `port ${embedded.port} of the built-in broker` };
  if (connection.clientId === undefined) return null;
  return { key: 'clientId', text: `the client id ${connection.clientId} at ${connection.url}` };
}

function checkModbus(
  connection: ModbusConnection,
  path: At,
  devices: readonly AssembledDevice[],
  source: Source,
): void {
  const { tcp } = connection;
  const hosts = [
    { host: tcp?.host, at: [...path, 'tcp', 'host'] },
    { host: tcp?.backup?.host, at: [...path, 'tcp', 'backup', 'host'] },
  ];
  for (const { host, at } of hosts) {
    if (host === undefined || isHost(host)) continue;
    const message = `"${host}" is no host name or address`;
    const parts = /^(?:\w+:\/\/)?([\w.-]+):(\d+)$/.exec(host);
    const suggestion = parts ? `host: ${parts[1]}, port: ${parts[2]}` : 'a name or an address alone';
    source.report({ at, code: 'INVALID_URL', message, suggestion });
  }
  if (connection.serial === undefined) return;
  for (const { device, entry } of devices) {
    const unit = device.modbus?.unit ?? 1;
    if (unit >= 1 && unit <= 247) continue;
    // Modbus over serial line V1.02, 2.2: 0 is for all and nobody answers, 248 to 255 are reserved.
    const message =
      unit === 0 ? 'nobody answers to unit 0 of a serial line: it is for all' : `unit ${unit} is reserved`;
    const at = [...entry.path, 'modbus', 'unit'];
    source.report({ at, code: 'INVALID_ADDRESS', message, suggestion: '1 to 247' });
  }
}

/** A colon is in IPv6 addresses alone. */
function isHost(host: string): boolean {
  return /^[\w.-]+$/.test(host) || /^\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%\w+)?\]?$/.test(host);
}

function checkOpcUa(connection: OpcUaConnection, path: At, source: Source): void {
  const { security, endpoint, lifetimeCount, maxKeepAliveCount } = connection;
  if (!URL.canParse(endpoint) || new URL(endpoint).hostname === '') {
    const message = `"${endpoint}" names no host and port`;
    source.report({ at: [...path, 'endpoint'], code: 'INVALID_URL', message, suggestion: 'opc.tcp://host:4840/path' });
  }
  if ((security.policy === 'None') !== (security.mode === 'None')) {
    source.report({
      at: [...path, 'security'],
      code: 'SECURITY_CONFLICT',
      message: `policy ${security.policy} and mode ${security.mode} do not go together: one of them is None`,
      suggestion: 'policy: Basic256Sha256, mode: SignAndEncrypt; or None for both',
    });
  }
  if (lifetimeCount >= 3 * maxKeepAliveCount) return;
  // OPC 10000-4, 5.14.2.2
  source.report({
    at: [...path, 'lifetimeCount'],
    code: 'SETTING_WITHOUT_EFFECT',
    severity: 'warning',
    message: `a lifetime of ${lifetimeCount} is below three times maxKeepAliveCount: servers raise it`,
    suggestion: `at least ${3 * maxKeepAliveCount}`,
  });
}

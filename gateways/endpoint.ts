import type { ConnectionDefinition } from '../topology/plant.ts';

/**
 * Where a connection leads to, as people look for it in the topology file: an address alone. Passwords are references there,
 * and what somebody has written into a URL all the same is left out.
 */
export function endpointOf({ settings }: Pick<ConnectionDefinition, 'settings'>): string {
  switch (settings.driver) {
    case 'modbus': {
      const { tcp, serial } = settings;
      if (serial !== undefined) return `${serial.path}, ${serial.baudRate} bit/s`;
      if (tcp === undefined) return '';
      const backup = tcp.backup === undefined ? '' : `, else ${hostPort(tcp.backup)}`;
      return `${hostPort(tcp)}${backup}`;
    }
    case 'opcua':
      return withoutUser(settings.endpoint);
    case 'mqtt':
      return withoutUser(settings.url);
    default:
      return unreachable(settings);
  }
}

function hostPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Neither `user:password@` nor what follows a question mark, where keys are passed as well. */
function withoutUser(url: string): string {
  return url.replace(/^([a-z.]+:\/\/)[^/]*@/i, '$1').replace(/[?#].*$/, '');
}

function unreachable(settings: never): never {
  throw new Error(`not a driver: ${JSON.stringify(settings)}`);
}

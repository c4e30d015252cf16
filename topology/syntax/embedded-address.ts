/** Where the built-in MQTT broker listens. */
export interface EmbeddedAddress {
  readonly host: string;
  readonly port: number;
  /** Nobody on another machine can reach it there. */
  readonly loopback: boolean;
}

const DEFAULT_PORT = 1883;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** `embedded:`, `embedded:18830` or `embedded://127.0.0.1:18830`; null when the text is none of them. */
export function parseEmbeddedAddress(url: string): EmbeddedAddress | null {
  const parts = /^embedded:(?:\/\/(?:\[([^\]]+)\]|([^:/]+))(?::(\d+))?|(\d*))\/?$/.exec(url);
  const port = Number(parts?.[3] || parts?.[4] || DEFAULT_PORT);
  if (parts === null || port > 65_535) return null;
  const host = parts[1] ?? parts[2] ?? '127.0.0.1';
  return { host, port, loopback: LOOPBACK.test(host) };
}

/** Why a broker cannot listen there, or must not; null when it may. Secure by default: whom others can reach asks for a password. */
export function embeddedFault(settings: {
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}): { readonly message: string; readonly suggestion: string } | null {
  const { url, user, password } = settings;
  const address = parseEmbeddedAddress(url);
  if (address === null)
    return {
      message: `${url} is not embedded:<port> or embedded://<address>:<port>`,
      suggestion: 'embedded://127.0.0.1:1883',
    };
  if (address.loopback || (user !== undefined && password !== undefined)) return null;
  return { message: `${url} can be reached from elsewhere`, suggestion: 'set user and password, or use 127.0.0.1' };
}

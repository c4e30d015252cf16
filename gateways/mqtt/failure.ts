/** Why there is no link, as a stable code for reports, and whether another version of the protocol may help. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** Codes of a CONNACK: MQTT 3.1.1 table 3.1, MQTT 5.0 section 3.2.2.2. */
const CONNACK: Readonly<Record<number, string>> = {
  1: 'unsupported_protocol_version',
  132: 'unsupported_protocol_version',
  2: 'client_id_rejected',
  133: 'client_id_rejected',
  3: 'broker_unavailable',
  136: 'broker_unavailable',
  137: 'broker_unavailable',
  4: 'not_authorized',
  5: 'not_authorized',
  134: 'not_authorized',
  135: 'not_authorized',
  142: 'session_taken_over',
};

const SOCKET: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection_refused',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'host_unreachable',
  ENETUNREACH: 'host_unreachable',
  ENOTFOUND: 'host_not_found',
  EAI_AGAIN: 'host_not_found',
  ECONNRESET: 'connection_lost',
  EPIPE: 'connection_lost',
};

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL|EPROTO/;

export function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (typeof code === 'number') return { code: CONNACK[code] ?? 'refused_by_broker', message };
  if (typeof code === 'string') {
    return { code: SOCKET[code] ?? (CERTIFICATE.test(code) ? 'certificate_rejected' : 'connection_lost'), message };
  }
  return { code: /connack timeout|keepalive timeout/i.test(message) ? 'timeout' : 'connection_lost', message };
}

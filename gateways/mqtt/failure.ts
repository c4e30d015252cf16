import type { LinkCode } from '../driver-codes.ts';
import type { MqttCode } from './codes.ts';

/** Why there is no link, as a stable code for reports, and whether another version of the protocol may help. */
export interface Failure {
  readonly code: LinkCode | MqttCode;
  readonly message: string;
}

/** Codes of a CONNACK: MQTT 3.1.1 table 3.1, MQTT 5.0 section 3.2.2.2. */
const CONNACK: Readonly<Record<number, Failure['code']>> = {
  1: 'mqtt_unsupported_version',
  132: 'mqtt_unsupported_version',
  2: 'mqtt_client_id_rejected',
  133: 'mqtt_client_id_rejected',
  3: 'mqtt_broker_unavailable',
  136: 'mqtt_broker_unavailable',
  137: 'mqtt_broker_unavailable',
  4: 'not_authorized',
  5: 'not_authorized',
  134: 'not_authorized',
  135: 'not_authorized',
  142: 'mqtt_session_taken_over',
};

const SOCKET: Readonly<Record<string, Failure['code']>> = {
  ECONNREFUSED: 'connection_refused',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'host_unreachable',
  ENETUNREACH: 'host_unreachable',
  ENOTFOUND: 'host_not_found',
  EAI_AGAIN: 'host_not_found',
  ECONNRESET: 'connection_lost',
  EPIPE: 'connection_lost',
};

/** The alert of a broker that does not like the certificate that we show, or that we show none (RFC 8446, 6.2). */
const OWN_CERTIFICATE = /ALERT_(CERTIFICATE|BAD_CERTIFICATE|NO_CERTIFICATE|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA)/;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL|EPROTO/;

/** The topology names a secret that this node does not have. */
export class SecretMissing extends Error {}

function codeOfTls(code: string): Failure['code'] {
  if (OWN_CERTIFICATE.test(code)) return 'own_certificate_rejected';
  return CERTIFICATE.test(code) ? 'certificate_rejected' : 'connection_lost';
}

export function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (typeof code === 'number') return { code: CONNACK[code] ?? 'mqtt_refused', message };
  if (typeof code === 'string') {
    return { code: SOCKET[code] ?? codeOfTls(code), message };
  }
  return { code: /connack timeout|keepalive timeout/i.test(message) ? 'timeout' : 'connection_lost', message };
}

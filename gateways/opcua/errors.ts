import type { LinkCode } from '../driver-codes.ts';
import type { ListedOpcUaCode } from './codes.ts';

/** Why a link, session or subscription failed; codes are stable and shown on the wall. */
export type OpcUaFaultCode = Extract<
  LinkCode | ListedOpcUaCode,
  | 'connection_refused'
  | 'host_not_found'
  | 'host_unreachable'
  | 'connection_lost'
  | 'timeout'
  | 'certificate_rejected'
  | 'own_certificate_rejected'
  | 'not_authorized'
  | 'secret_missing'
  | 'opcua_endpoint_not_offered'
  | 'opcua_session_lost'
  | 'opcua_subscription_lost'
  | 'opcua_server_refused'
  | 'bad_settings'
  | 'stopped'
>;

/** These stay until a person changes something: shown as `failed`, tried again at the slowest pace. */
const NEEDS_A_PERSON: ReadonlySet<OpcUaFaultCode> = new Set([
  'certificate_rejected',
  'own_certificate_rejected',
  'not_authorized',
  'secret_missing',
  'opcua_endpoint_not_offered',
  'bad_settings',
]);

export class OpcUaFault extends Error {
  override readonly name = 'OpcUaFault';
  readonly code: OpcUaFaultCode;
  /** Whether waiting alone may cure it. */
  readonly retryable: boolean;

  constructor(code: OpcUaFaultCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.retryable = !NEEDS_A_PERSON.has(code);
  }
}

/** Patterns over the library's messages, most telling first: it has no error classes. */
const PATTERNS: readonly (readonly [RegExp, OpcUaFaultCode])[] = [
  [/BadUserAccessDenied|BadIdentityToken(Invalid|Rejected)|user token policy|ANONYMOUS user/i, 'not_authorized'],
  [
    /BadCertificate(Untrusted|UriInvalid|HostNameInvalid|UseNotAllowed|TimeInvalid|Invalid)|BadSecurityChecksFailed/,
    'own_certificate_rejected',
  ],
  [/ECONNREFUSED/, 'connection_refused'],
  [/ENOTFOUND|EAI_AGAIN/, 'host_not_found'],
  [/EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL/, 'host_unreachable'],
  [/BadNoSubscription|BadSubscriptionIdInvalid/, 'opcua_subscription_lost'],
  [
    /BadSessionIdInvalid|BadSessionClosed|BadSessionNotActivated|BadSecureChannelIdInvalid|Cannot recreate session/,
    'opcua_session_lost',
  ],
  [/timed? ?out|timeout|ETIMEDOUT/i, 'timeout'],
  [
    /End point must exist|cannot find endpoint|Cannot find an Endpoint|BadSecurityPolicyRejected|BadSecurityModeRejected/i,
    'opcua_endpoint_not_offered',
  ],
  [
    /ECONNRESET|EPIPE|BadConnectionClosed|disconnected by third party|Secure Channel Closed|Invalid Channel|No SecureChannel|connection may have been/i,
    'connection_lost',
  ],
];

/** Turns whatever the library throws into a fault of ours. */
export function faultOf(error: unknown, fallback: OpcUaFaultCode = 'opcua_server_refused'): OpcUaFault {
  if (error instanceof OpcUaFault) return error;
  const message = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
  for (const [pattern, code] of PATTERNS) {
    if (pattern.test(message)) return new OpcUaFault(code, message, error);
  }
  return new OpcUaFault(fallback, message, error);
}

/** Rejects with a `timeout` fault when the promise takes longer; what it does later is of no interest. */
export async function withDeadline<T>(work: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new OpcUaFault('timeout', `${what} took longer than ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}

import type { NatsAccess } from '../runtime/nats/connection.ts';
import type { Settings } from '../runtime/settings.ts';

/** One place for what lets every connection of this process in, whoever makes it. */
export function natsAccess(settings: Settings, url: string): NatsAccess {
  return {
    url,
    credentialsFile: settings.NATS_CREDENTIALS_FILE,
    tlsCaFile: settings.NATS_TLS_CA_FILE,
    tlsCertFile: settings.NATS_TLS_CERT_FILE,
    tlsKeyFile: settings.NATS_TLS_KEY_FILE,
  };
}

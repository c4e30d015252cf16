import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { OPCUACertificateManager } from 'node-opcua-certificate-manager';
import { OpcUaFault } from './errors.ts';
import type { OpcUaLibrary } from './library.ts';

const VALIDITY_DAYS = 5 * 365;
const DAY_MS = 86_400_000;

/** The certificates of this installation (OPC 10000-2, 8): our own, and whom we trust. One for all OPC UA connections. */
export interface CertificateStore {
  /** Holds `own`, `trusted`, `issuers` and `rejected`. */
  readonly folder: string;
  readonly certificateFile: string;
  readonly privateKeyFile: string;
  readonly applicationUri: string;
  readonly own: CertificateFacts;
}

/** What a person, or an alarm, has to know of a certificate. */
export interface CertificateFacts {
  readonly thumbprint: string;
  readonly subject: string;
  readonly expiresAtMs: number;
}

const opening = new Map<string, Promise<CertificateStore>>();

/** Opens the store; at its first use on this machine a key pair and a self-signed certificate are made. The key never leaves. */
export function openCertificateStore(library: OpcUaLibrary, dataDir: string): Promise<CertificateStore> {
  const folder = join(dataDir, 'opcua-pki');
  // Links start at the same moment and share the store: only one of them may make the key.
  const pending = opening.get(folder);
  if (pending !== undefined) return pending;
  const store = open(library, folder).finally(() => opening.delete(folder));
  opening.set(folder, store);
  return store;
}

async function open(library: OpcUaLibrary, folder: string): Promise<CertificateStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const certificateFile = join(folder, 'own', 'certs', 'signalbox.pem');
  const manager = certificateManager(library, folder);
  try {
    await manager.initialize();
    if (!existsSync(certificateFile)) {
      await manager.createSelfSignedCertificate({
        applicationUri: `urn:${hostname()}:signalbox`,
        dns: [hostname()],
        subject: `/CN=Signalbox@${hostname()}`.slice(0, 64),
        startDate: new Date(Date.now() - DAY_MS),
        validity: VALIDITY_DAYS,
        outputFile: certificateFile,
      });
    }
  } finally {
    await manager.dispose();
  }
  const certificate = new X509Certificate(readFileSync(certificateFile));
  return {
    folder,
    certificateFile,
    privateKeyFile: join(folder, 'own', 'private', 'private_key.pem'),
    // The host may have been renamed since: what the certificate says is what servers compare with.
    applicationUri: applicationUriOf(certificate) ?? `urn:${hostname()}:signalbox`,
    own: factsOf(certificate),
  };
}

/**
 * A manager for one connection attempt: it scans the folders when it starts, so that a certificate moved to `trusted/certs`
 * counts from the next attempt on, without a file watcher held open per link.
 */
export function certificateManager(library: OpcUaLibrary, folder: string): OPCUACertificateManager {
  return new library.certificates.OPCUACertificateManager({
    rootFolder: folder,
    automaticallyAcceptUnknownCertificate: false,
    disableFileWatchers: true,
    keySize: 2048,
  });
}

/** A server's certificate as far as a person needs it. */
export interface ServerCertificate extends CertificateFacts {
  /** The whole chain as it was sent. */
  readonly der: Buffer;
  readonly commonName: string;
  readonly issuer: string;
}

export function describeServerCertificate(der: Buffer): ServerCertificate {
  const certificate = new X509Certificate(firstOfChain(der));
  return {
    der,
    ...factsOf(certificate),
    issuer: certificate.issuer.replaceAll('\n', ', '),
    commonName: /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? 'server',
  };
}

function factsOf(certificate: X509Certificate): CertificateFacts {
  return {
    thumbprint: createHash('sha1').update(certificate.raw).digest('hex').toUpperCase(),
    subject: certificate.subject.replaceAll('\n', ', '),
    expiresAtMs: Date.parse(certificate.validTo),
  };
}

/**
 * Passes only a certificate that a person (or an issuer that a person trusts) vouches for; an unknown one lands in `rejected/`.
 *
 * @param known told of one that is vouched for, also when it has ended
 */
export async function requireTrusted(
  manager: OPCUACertificateManager,
  store: CertificateStore,
  certificate: ServerCertificate,
  known?: (certificate: ServerCertificate) => void,
): Promise<void> {
  const options = { acceptCertificateWithValidIssuerChain: true };
  const status: string = await manager.verifyCertificate(certificate.der, options);
  // Judged only after the trust: of a stranger's certificate the end is nobody's concern.
  if (status === 'Good' || status === 'BadCertificateTimeInvalid') known?.(certificate);
  if (status === 'Good') return;
  const file = keepRejected(store.folder, certificate);
  throw new OpcUaFault(
    'certificate_rejected',
    `certificate of the server (${certificate.subject}, SHA-1 ${certificate.thumbprint}): ${status}; ` +
      adviceFor(status, certificate, store.folder, file),
  );
}

/** What a person can do about it, by the status of OPC 10000-4, 6.1.3. */
function adviceFor(status: string, { issuer }: ServerCertificate, folder: string, file: string): string {
  const authorities = join(folder, 'issuers', 'certs');
  const revocationLists = join(folder, 'issuers', 'crl');
  const trusted = join(folder, 'trusted', 'certs');
  switch (status) {
    case 'BadCertificateUntrusted':
      return `to trust it, move ${file} to ${trusted}`;
    case 'BadCertificateChainIncomplete':
      return `it is signed by ${issuer}: put the certificate of that authority into ${authorities}, its revocation list into ${revocationLists}`;
    case 'BadCertificateRevocationUnknown':
    case 'BadCertificateIssuerRevocationUnknown':
      return `the revocation list of ${issuer} is missing: put it into ${revocationLists}`;
    case 'BadCertificateRevoked':
    case 'BadCertificateIssuerRevoked':
      return `${issuer} has withdrawn it: the server needs another one`;
    case 'BadCertificateTimeInvalid':
    case 'BadCertificateIssuerTimeInvalid':
      return 'it, or that of its authority, has ended or does not hold yet: renew it, or look at the clocks';
    default:
      return `it is kept in ${file}`;
  }
}

/**
 * Keeps the certificate for a person to look at. The library's own way of doing so moves a certificate that was trusted this very
 * moment back to the rejected ones; here nothing is ever taken out of `trusted`.
 */
function keepRejected(folder: string, certificate: ServerCertificate): string {
  const file = `${certificate.commonName.replace(/[^A-Za-z0-9._-]/g, '_')}[${certificate.thumbprint.toLowerCase()}].pem`;
  const path = join(folder, 'rejected', file);
  if (!existsSync(path) && !existsSync(join(folder, 'trusted', 'certs', file)))
    writeFileSync(path, new X509Certificate(firstOfChain(certificate.der)).toString());
  return path;
}

const JUDGED_BY = ['trusted/certs', 'trusted/crl', 'issuers/certs', 'issuers/crl'];

/** Changes when a person moves a file into or out of the folders by which certificates are judged. */
export function trustedChangedAtMs(store: CertificateStore): number {
  return Math.max(
    ...JUDGED_BY.map((folder) => statSync(join(store.folder, folder), { throwIfNoEntry: false })?.mtimeMs ?? 0),
  );
}

/** Days until a certificate ends, rounded down: negative once it has. */
export function daysLeft(expiresAtMs: number, nowMs: number): number {
  return Math.floor((expiresAtMs - nowMs) / DAY_MS);
}

/** A chain is certificates one behind the other; the first SEQUENCE is the server's own (OPC 10000-4, 7.3). */
function firstOfChain(der: Buffer): Buffer {
  if (der.length < 4 || der[0] !== 0x30 || der[1] !== 0x82) return der;
  return der.subarray(0, 4 + der.readUInt16BE(2));
}

function applicationUriOf(certificate: X509Certificate): string | null {
  return /(?:^|, )URI:([^,]+)/.exec(certificate.subjectAltName ?? '')?.[1] ?? null;
}

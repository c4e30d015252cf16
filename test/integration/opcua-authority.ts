import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

const DAY_MS = 86_400_000;

/** A certificate authority, as a plant has one; made with openssl, not with the library under test. */
export class Authority {
  readonly #dir: string;

  constructor(dir: string, name: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'index.txt'), '');
    writeFileSync(join(dir, 'serial'), '1001\n');
    writeFileSync(join(dir, 'crlnumber'), '01\n');
    writeFileSync(join(dir, 'ca.cnf'), configuration(dir));
    this.#openssl('req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 3650', [
      ...['-subj', `/CN=${name}`],
      ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    ]);
    this.#publishRevocations();
  }

  /**
   * Gives the server of this folder a key and a certificate that the authority has signed, with its own behind it.
   * @param validity in days from now, or until an instant; the latter also of one that has ended
   */
  sign(serverDir: string, validity: number | { readonly untilMs: number }): void {
    const own = join(serverDir, 'own');
    mkdirSync(join(own, 'certs'), { recursive: true });
    mkdirSync(join(own, 'private'), { recursive: true });
    const key = join(own, 'private', 'private_key.pem');
    this.#openssl('req -new -newkey rsa:2048 -nodes -out server.csr', ['-keyout', key, '-subj', '/CN=plc']);
    const span =
      typeof validity === 'number'
        ? `-days ${validity}`
        : `-startdate ${asn1Time(validity.untilMs - DAY_MS)} -enddate ${asn1Time(validity.untilMs)}`;
    this.#openssl(`ca -batch -notext -config ca.cnf -in server.csr -out server.pem ${span}`);
    const chain = readFileSync(join(this.#dir, 'server.pem'), 'utf8') + readFileSync(join(this.#dir, 'ca.pem'), 'utf8');
    writeFileSync(join(own, 'certs', 'certificate.pem'), chain);
  }

  /** Withdraws the certificate that was signed last. */
  revoke(): void {
    this.#openssl('ca -config ca.cnf -revoke server.pem');
    this.#publishRevocations();
  }

  /** What a person does who has the authority vouch for servers. */
  installIn(store: string): void {
    this.install(store, 'ca.pem', 'issuers/certs');
    this.install(store, 'ca.pem', 'trusted/certs');
    this.install(store, 'ca.crl', 'issuers/crl');
  }

  install(store: string, file: 'ca.pem' | 'ca.crl', folder: string): void {
    mkdirSync(join(store, folder), { recursive: true });
    copyFileSync(join(this.#dir, file), join(store, folder, file));
  }

  #publishRevocations(): void {
    this.#openssl('ca -gencrl -config ca.cnf -out ca.crl');
  }

  #openssl(command: string, more: readonly string[] = []): void {
    // The library under test leaves OPENSSL_CONF as the text "undefined" in our own environment.
    const { OPENSSL_CONF: _, ...env } = process.env;
    execFileSync('openssl', [...command.split(' '), ...more], { cwd: this.#dir, env, stdio: 'pipe' });
  }
}

/** GeneralizedTime of X.509, to the second. */
function asn1Time(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
}

function configuration(dir: string): string {
  return `
[ca]
default_ca = plant
[plant]
dir = ${dir}
database = $dir/index.txt
serial = $dir/serial
crlnumber = $dir/crlnumber
new_certs_dir = $dir
certificate = $dir/ca.pem
private_key = $dir/ca.key
unique_subject = no
default_md = sha256
default_crl_days = 30
policy = any
x509_extensions = server
[any]
commonName = supplied
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid, issuer
subjectAltName = URI:urn:${hostname()}:NodeOPCUA-Server, DNS:localhost, IP:127.0.0.1
`;
}

import fs from 'node:fs';
import { z } from 'zod';
import { ErrorWithCode, messageOf } from '../runtime/errors.ts';

const Secrets = z.record(z.string(), z.string());
const REFERENCE = /^\$\{secret:([A-Za-z0-9_.-]+)\}$/;

/** Resolves `${secret:name}`: first `SIGNALBOX_SECRET_<NAME>` in the environment, then the secrets file. Nothing is written anywhere. */
export function secretsFrom(environment: NodeJS.ProcessEnv, file: string | undefined): (reference: string) => string {
  const stored = file === undefined ? {} : readSecrets(file);
  return (reference) => {
    const name = REFERENCE.exec(reference)?.[1];
    if (name === undefined) throw new ErrorWithCode('NOT_A_SECRET', 'a secret is named as ${secret:name}');
    const value = environment[`SIGNALBOX_SECRET_${name.toUpperCase().replace(/[.-]/g, '_')}`] ?? stored[name];
    if (value === undefined)
      throw new ErrorWithCode(
        'SECRET_MISSING',
        `the secret ${name} is neither in the environment nor in the secrets file`,
      );
    return value;
  };
}

function readSecrets(file: string): Readonly<Record<string, string>> {
  try {
    const { mode } = fs.statSync(file);
    // The group may read: that is how Kubernetes and systemd hand a file to the user of one process.
    if ((mode & 0o027) !== 0) throw new Error('others may read or change it; run chmod 600 on it');
    return Secrets.parse(JSON.parse(fs.readFileSync(file, 'utf8')));
  } catch (error) {
    throw new ErrorWithCode('SECRETS_FILE', `the secrets file ${file} cannot be used: ${messageOf(error)}`);
  }
}

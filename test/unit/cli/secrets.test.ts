import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { secretsFrom } from '../../../cli/secrets.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('secrets of a topology file', () => {
  const folder = tempDir('secrets');
  after(() => folder.remove());
  const fileOf = (mode: number) => {
    const file = path.join(folder.dir, mode.toString(8));
    fs.writeFileSync(file, '{"broker": "from the file", "plc.7-a": "of the PLC"}');
    fs.chmodSync(file, mode);
    return file;
  };

  test('are those of the environment before those of the file', () => {
    const secret = secretsFrom({ SIGNALBOX_SECRET_PLC_7_A: 'from the environment' }, fileOf(0o600));
    assert.equal(secret('${secret:plc.7-a}'), 'from the environment');
    assert.equal(secret('${secret:broker}'), 'from the file');
    assert.throws(() => secret('${secret:other}'), { code: 'SECRET_MISSING' });
  });

  test('may be in a file that belongs to another user and is handed to the group of this one', () => {
    for (const mode of [0o400, 0o600, 0o440, 0o640]) secretsFrom({}, fileOf(mode));
  });

  test('are refused from a file that anybody may read, or others may change', () => {
    for (const mode of [0o644, 0o604, 0o660, 0o620, 0o602])
      assert.throws(() => secretsFrom({}, fileOf(mode)), { code: 'SECRETS_FILE' }, mode.toString(8));
  });
});

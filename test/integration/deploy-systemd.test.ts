import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { DEPLOY, deployFile, problemsOfSettings } from '../support/deploy.ts';
import { tempDir } from '../support/temp-dir.ts';

const FOLDER = path.join(DEPLOY, 'systemd');
const PROGRAM = path.join(DEPLOY, '..', 'bin', 'signalbox.mjs');
const UNITS = ['signalbox-core.service', 'signalbox-edge.service'];
/** What systemd-analyze calls OK is below 5; these have no more than their work takes. */
const MOST_EXPOSURE = 2;
const withoutSystemd: string | false = spawnSync('systemd-analyze', ['--version']).error
  ? 'SKIPPED: there is no systemd-analyze on this machine, so the units were not verified'
  : false;
if (withoutSystemd !== false) console.error(withoutSystemd);

/** The values of a key, of which a unit may have several. */
function valuesOf(unit: string, key: string): string[] {
  const lines = deployFile('systemd', unit).split('\n');
  return lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
}

/** Assignments of an environment file; those that are commented out as well, where asked for. */
function environmentOf(file: string, commentedToo: boolean): Record<string, string> {
  const lines = deployFile('systemd', file)
    .split('\n')
    .map((line) => (commentedToo ? line.replace(/^#(?=[A-Z_]+=)/, '') : line));
  const pairs = lines.flatMap((line) => {
    const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(pairs);
}

describe('units of systemd', () => {
  const folder = tempDir('deploy-systemd');
  after(() => folder.remove());
  /** With a program that this machine has in place of the one of the target. */
  const unitHere = (unit: string) => {
    const file = path.join(folder.dir, unit);
    fs.writeFileSync(file, deployFile('systemd', unit).replace('/opt/signalbox/bin/signalbox.mjs', PROGRAM));
    return file;
  };

  for (const unit of UNITS) {
    test(`${unit} is what systemd understands, without a word of doubt`, { skip: withoutSystemd }, () => {
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', unitHere(unit)], {
        encoding: 'utf8',
      });
      assert.deepEqual([status, stderr], [0, '']);
    });

    test(`${unit} lets the process do no more than its work takes`, { skip: withoutSystemd }, () => {
      const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', unitHere(unit)], {
        encoding: 'utf8',
      });
      const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
      assert.ok(exposure <= MOST_EXPOSURE, `exposure ${exposure}:\n${stdout}`);
    });

    test(`${unit} names files, folders and a user that the guide puts there`, () => {
      const [environmentFile = ''] = valuesOf(unit, 'EnvironmentFile');
      assert.ok(fs.existsSync(path.join(FOLDER, path.basename(environmentFile))), environmentFile);
      const environment = environmentOf(path.basename(environmentFile), false);
      const [state] = valuesOf(unit, 'StateDirectory');
      assert.ok(environment.SIGNALBOX_DATA_DIR?.startsWith(`/var/lib/${state}/`));
      const users = deployFile('systemd', 'signalbox.sysusers');
      assert.match(users, new RegExp(`^u ${valuesOf(unit, 'User')[0]} .* /var/lib/${state} `, 'm'));
      const [started = ''] = valuesOf(unit, 'ExecStart');
      assert.match(started, /^\/opt\/signalbox\/bin\/signalbox\.mjs start/);
      fs.accessSync(PROGRAM, fs.constants.X_OK);
      for (const used of started.matchAll(/\$\{CREDENTIALS_DIRECTORY\}\/(\S+)/g))
        assert.ok(valuesOf(unit, 'LoadCredential').some((credential) => credential.startsWith(`${used[1]}:`)));
    });
  }

  for (const file of ['core.env', 'edge.env']) {
    test(`${file} holds settings that a node starts with, those that are commented out among them`, () => {
      assert.deepEqual(problemsOfSettings(environmentOf(file, false)), []);
      assert.deepEqual(problemsOfSettings(environmentOf(file, true)), []);
    });
  }
});

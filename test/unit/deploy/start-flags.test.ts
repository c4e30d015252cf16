import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../support/places.ts';

/** One helper thread of V8 and small young generations: with them p99 is a third of what it is without (docs/reference/performance.md). */
const FLAGS = ['--v8-pool-size=1', '--max-semi-space-size=4'];
const BIN = path.join(ROOT, 'bin', 'signalbox.mjs');

function textOf(...names: string[]): string {
  return readFileSync(path.join(ROOT, ...names), 'utf8');
}

test('the product started as a program runs with the flags that make its pauses short', () => {
  // Said before anything of the product is loaded.
  const say = 'process.stdout.write(`${process.execArgv.join(" ")}\\n`); process.exit(0);';
  const environment = { ...process.env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(say)}` };
  const said = execFileSync(BIN, ['--version'], { env: environment, encoding: 'utf8' });
  assert.deepEqual(said.trim().split(' '), FLAGS);
});

test('`npm start` gives the same flags', () => {
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
  assert.ok(scripts.start?.startsWith(`node ${FLAGS.join(' ')} `), scripts.start);
});

test('units and images start the program itself, which brings its flags', () => {
  const program = '/opt/signalbox/bin/signalbox.mjs';
  for (const unit of ['signalbox-core.service', 'signalbox-edge.service'])
    assert.match(textOf('deploy', 'systemd', unit), new RegExp(`^ExecStart=${program} start `, 'm'), unit);
  assert.match(textOf('deploy', 'image', 'Dockerfile'), new RegExp(`^ENTRYPOINT \\["${program}"\\]$`, 'm'));
});

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { deployFile, problemsOfSettings, yamlOf } from '../support/deploy.ts';
import { ROOT } from '../support/places.ts';

/** Instructions with their arguments, continued lines joined. */
const instructions = deployFile('image', 'Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n\s*/g, ' ')
  .split('\n')
  .flatMap((line) => {
    const [, name, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    return name === undefined || rest === undefined ? [] : [{ name, rest }];
  });
const last = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));
const argumentsOf = (wanted: string) => last.filter(({ name }) => name === wanted).map(({ rest }) => rest);
const environment = Object.fromEntries(
  [...(argumentsOf('ENV')[0] ?? '').matchAll(/([A-Z_]+)=(\S+)/g)].map(([, name, value]) => [name, value ?? '']),
);

describe('image', () => {
  test('has settings that a node starts with, and opens the port that it listens on', () => {
    assert.deepEqual(problemsOfSettings(environment), []);
    assert.deepEqual(argumentsOf('EXPOSE'), [environment.SIGNALBOX_PORT]);
    assert.match(argumentsOf('HEALTHCHECK')[0] ?? '', /\$\{process\.env\.SIGNALBOX_PORT\}\/health`/);
  });

  test('runs as nobody special and stops in good order', () => {
    assert.deepEqual(argumentsOf('USER'), ['1000:1000']);
    assert.deepEqual(argumentsOf('STOPSIGNAL'), ['SIGTERM']);
    assert.deepEqual(JSON.parse(argumentsOf('ENTRYPOINT')[0] ?? ''), ['/opt/signalbox/bin/signalbox.mjs']);
    const packing = instructions.find(({ rest }) => rest.includes('scripts/bundle.mjs'))?.rest;
    assert.equal(packing, 'node scripts/bundle.mjs /opt/signalbox');
  });

  test('has the binary of uWebSockets.js that its Node.js loads', () => {
    const [, version] = /^node:(\d+)-trixie-slim AS build$/.exec(instructions[0]?.rest ?? '') ?? [];
    const [, abi] =
      new RegExp(`${version}: '(\\d+)'`).exec(fs.readFileSync(path.join(ROOT, 'scripts', 'bundle.mjs'), 'utf8')) ?? [];
    for (const architecture of ['x64', 'arm64'])
      assert.ok(
        fs.existsSync(path.join(ROOT, 'node_modules', 'uWebSockets.js', `uws_linux_${architecture}_${abi}.node`)),
      );
  });

  test('is built from all that the build reads, and from no secret, data or test', () => {
    const [first, ...allowed] = deployFile('image', 'Dockerfile.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    assert.equal(first, '*');
    const names = allowed.map((line) => line.replace(/^!/, ''));
    const build = fs.readFileSync(path.join(ROOT, 'scripts', 'build.mjs'), 'utf8');
    const sources = z
      .array(z.string())
      .parse(JSON.parse((/^const SOURCES = (\[.*\]);$/m.exec(build)?.[1] ?? '').replaceAll("'", '"')));
    for (const name of [
      ...sources,
      'package-lock.json',
      'tsconfig.json',
      'tsconfig.build.json',
      'scripts',
      'bin',
      'LICENSE',
    ])
      assert.ok(names.includes(name), name);
    for (const name of names) assert.ok(fs.existsSync(path.join(ROOT, name)), name);
    assert.deepEqual(
      names.filter((name) => ['deploy', 'test', 'data', 'node_modules', '.git'].includes(name)),
      [],
    );
  });

  test('is the one that the composition builds', () => {
    const Compose = z.object({
      services: z.object({ 'core-1': z.object({ build: z.object({ context: z.string(), dockerfile: z.string() }) }) }),
    });
    const { build } = Compose.parse(yamlOf(deployFile('compose', 'compose.yaml'))[0]).services['core-1'];
    assert.ok(fs.existsSync(path.resolve(ROOT, 'deploy/compose', build.context, build.dockerfile)));
    assert.ok(fs.existsSync(path.resolve(ROOT, 'deploy/compose', build.context, 'package.json')));
  });
});

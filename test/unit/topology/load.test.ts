import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem, loadTopology } from '../../../topology/load.ts';
import { load, problemsOf, SOUND, spoil } from './sample.ts';

test('all problems of a file are told in one go, in the order of the file', () => {
  let text = spoil('timeZone: Europe/Berlin', 'timezone: Europe/Berlin');
  text = spoil('connection: plc-net', 'connection: plcnet', text);
  text = spoil('workOrder: look', 'workOrder: loook', text);
  text = spoil('name: Meter 1\n    site: works', 'name: 7\n    site: wrks', text);
  text = spoil('temp / flow : 0', 'temp / fow : 0', text);
  const codes = problemsOf(load(text)).map(({ code, path }) => `${code} ${path}`);
  assert.deepEqual(codes, [
    'MISSING_KEY sites[0].timeZone',
    'UNKNOWN_KEY sites[0].timezone',
    'UNKNOWN_REFERENCE devices[0].connection',
    'INVALID_VALUE devices[1].name',
    'UNKNOWN_REFERENCE assetProfiles[0].metrics[4].formula',
    'UNKNOWN_REFERENCE assetProfiles[0].rules[0].workOrder',
  ]);
});

test('what depends on a part that was refused is not blamed for it', () => {
  const text = spoil('- { name: voltage, unit: V }\ndevices', '- { name: vol-tage, unit: V }\ndevices');
  assert.deepEqual(
    problemsOf(load(text)).map(({ code, path }) => `${code} ${path}`),
    ['INVALID_VALUE deviceProfiles[0].points[0].name'],
  );
});

test('a mistake in a profile is told once, however many assets use it', () => {
  let text = spoil('        profile: pump\n', '        profile: pump\n', spoil('metric: temp\n', 'metric: tmp\n'));
  text = spoil(
    '  - id: cabinet\n',
    '  - { id: p-2, name: P2, site: works, profile: pump, links: [{ device: plc }] }\n  - id: cabinet\n',
    text,
  );
  const problems = problemsOf(load(text));
  assert.deepEqual([...new Set(problems.map(({ path }) => path))], ['assetProfiles[0].rules[0].metric']);
});

test('a problem is printed with its line and a caret under the fault', () => {
  const text = spoil('connection: plc-net', 'connection: plcnet');
  const [problem] = problemsOf(load(text));
  assert.ok(problem);
  assert.equal(
    formatProblem(problem, text),
    [
      'plant.yaml:27:17 error UNKNOWN_REFERENCE devices[0].connection: no connection "plcnet"; did you mean "plc-net"?',
      '  27 |     connection: plcnet',
      '                       ^',
    ].join('\n'),
  );
});

test('an empty file says what is missing instead of failing', () => {
  assert.equal(problemsOf(load('')).length, 1);
  assert.ok(!load('- 1\n- 2\n').ok);
  assert.ok(!load('signalbox: 1\n').ok);
});

test('a file that is not there is a problem with its name', async () => {
  const result = await loadTopology('/nowhere/plant.yaml');
  assert.ok(!result.ok);
  assert.equal(result.problems[0]?.code, 'FILE_UNREADABLE');
  assert.equal(result.problems[0]?.file, '/nowhere/plant.yaml');
});

test('a bomb of aliases is refused, not expanded', () => {
  const levels = Array.from({ length: 12 }, (_, level) =>
    level === 0
      ? 'a0: &a0 [x, x, x]'
      : `a${level}: &a${level} [${Array(9)
          .fill(`*a${level - 1}`)
          .join(', ')}]`,
  ).join('\n');
  const problems = problemsOf(load(`${levels}\n`));
  assert.equal(problems[0]?.code, 'YAML_SYNTAX');
});

test('environment variables are put into connections, as numbers where a number belongs', () => {
  const text = spoil(
    'tcp: { host: 127.0.0.1, port: 1502 }',
    'tcp:\n      host: ${env:PLC_HOST:-localhost}\n      port: ${env:PLC_PORT:-1502}',
    spoil('mqtt://127.0.0.1:1883', 'mqtt://${env:BROKER:-127.0.0.1}:1883\n    user: ${env:BROKER_USER:-007}'),
  );
  const settingsOf = (environment: Record<string, string>) => {
    const result = load(text, environment);
    assert.ok(result.ok, JSON.stringify(problemsOf(result)));
    return [...result.plant.connections.values()].map(({ settings }) =>
      settings.driver === 'modbus' ? settings.tcp : settings.driver === 'mqtt' ? [settings.url, settings.user] : null,
    );
  };
  assert.deepEqual(settingsOf({}), [{ host: 'localhost', port: 1502 }, ['mqtt://127.0.0.1:1883', '007']]);
  assert.deepEqual(settingsOf({ PLC_HOST: '10.0.0.7', PLC_PORT: '502', BROKER: 'b.example' }), [
    { host: '10.0.0.7', port: 502 },
    ['mqtt://b.example:1883', '007'],
  ]);
});

test('what a file takes to load grows with its assets, up to ten thousand, and not with their square', () => {
  // The code is compiled after that.
  loadAssets(1_000);
  const few = loadAssets(2_000);
  const many = loadAssets(10_000);
  // With their square it would be five times as much for each of them.
  assert.ok(many.perAsset < 2 * few.perAsset, `${many.perAsset} µs an asset, and ${few.perAsset} of a fifth of them`);
});

/** Loads a plant of so many assets more. Processor time and not the time that passes: other tests run at the same time. */
function loadAssets(count: number): { readonly perAsset: number } {
  const parts = [SOUND.slice(0, SOUND.indexOf('workOrderTemplates'))];
  for (let index = 0; index < count; index++) {
    parts.push(
      `  - { id: p-${index}, name: Pump ${index}, site: works, profile: pump, tags: [well], links: [{ device: plc, metrics: { flow: flow, temp: temp, running: running, label: label } }] }\n`,
    );
  }
  parts.push(SOUND.slice(SOUND.indexOf('workOrderTemplates')));
  const before = process.cpuUsage();
  const result = load(parts.join(''));
  const { user, system } = process.cpuUsage(before);
  assert.ok(result.ok);
  assert.equal(result.plant.assets.size, count + 3);
  return { perAsset: Math.round((user + system) / count) };
}

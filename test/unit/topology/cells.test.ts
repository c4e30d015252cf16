import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellsBeside, plantOfCell } from '../../../topology/cells.ts';
import { load, problemsOf, SOUND } from './sample.ts';

/** The sound plant, and beside it a site in a cell of its own with a connection, a device and an asset. */
const TWO_CELLS = SOUND.replace(
  'connections:\n',
  `  - { id: farm, name: Farm, timeZone: Europe/Berlin, cell: edge-7 }
connections:
  - id: farm-net
    driver: modbus
    tcp: { host: 127.0.0.1, port: 1602 }
`,
)
  .replace(
    'devices:\n',
    `devices:
  - id: farm-plc
    name: Farm PLC
    site: farm
    connection: farm-net
    expectedIntervalMs: 1000
    modbus: { unit: 1, pollMs: 1000 }
    points:
      - { name: level, unit: m, modbus: { address: 0 } }
`,
  )
  .replace(
    'assets:\n',
    `assets:
  - id: tank
    name: Tank
    site: farm
    metrics: [{ name: level, unit: m }]
    links:
      - device: farm-plc
`,
  );

test('a cell has the sites that name it with all that is at them, and the centre the rest', () => {
  const result = load(TWO_CELLS);
  assert.ok(result.ok, JSON.stringify(problemsOf(result)));
  assert.deepEqual(cellsBeside(result.plant), ['edge-7']);
  const edge = plantOfCell(result.plant, 'edge-7');
  const names = ({ sites, assets, devices, connections }: typeof edge) =>
    [sites, assets, devices, connections].map((part) => [...part.keys()].sort());
  assert.deepEqual(names(edge), [['farm'], ['tank'], ['farm-plc'], ['farm-net']]);
  const core = plantOfCell(result.plant, 'core');
  const both = names(core).map((part, index) => [...part, ...(names(edge)[index] ?? [])].sort());
  assert.deepEqual(both, names(result.plant), 'each thing is in one of them');
  assert.ok(!core.assets.has('tank') && core.connections.has('plc-net'));
});

test('a device of another cell feeds no asset, told where the link stands', () => {
  const text = TWO_CELLS.replace('- device: farm-plc', '- device: meter-1');
  const [problem, ...others] = problemsOf(load(text)).filter(({ severity }) => severity === 'error');
  assert.deepEqual(others, []);
  assert.equal(problem?.code, 'CELL_CONFLICT');
  assert.match(problem?.message ?? '', /tank lives in the cell edge-7, and meter-1 in core/);
  assert.equal(text.split('\n')[(problem?.line ?? 0) - 1], '      - device: meter-1');
});

test('a connection has devices of one cell, told at the first of another', () => {
  const text = TWO_CELLS.replace('connection: farm-net', 'connection: plc-net').replace(
    'modbus: { unit: 1, pollMs',
    'modbus: { unit: 2, pollMs',
  );
  const problems = problemsOf(load(text)).filter(({ code }) => code === 'CELL_CONFLICT');
  assert.equal(problems.length, 1);
  const [problem] = problems;
  assert.match(problem?.message ?? '', /plc lives in the cell core, and plc-net is that of farm-plc in edge-7/);
  assert.equal(text.split('\n')[(problem?.line ?? 0) - 1], '    connection: plc-net');
});

test('the name of a cell is one word of a subject', () => {
  const [problem] = problemsOf(load(TWO_CELLS.replace('cell: edge-7', 'cell: edge.7')));
  assert.equal(problem?.code, 'INVALID_VALUE');
});

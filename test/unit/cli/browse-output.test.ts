import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { identifiers, points, table } from '../../../cli/browse-output.ts';
import type { ExploredNode } from '../../../gateways/opcua/explore.ts';
import { Point } from '../../../topology/schema/device.ts';

const variable = (
  path: readonly string[],
  facts: Partial<NonNullable<ExploredNode['variable']>> = {},
): ExploredNode => ({
  depth: path.length,
  name: path.at(-1) ?? '',
  path,
  address: `nsu=urn:plant;s=${path.join('.')}`,
  nodeClass: 'Variable',
  variable: {
    dataType: 'Double',
    pointType: 'number',
    access: { read: true, write: false },
    value: '1',
    unit: null,
    ...facts,
  },
});

describe('the name of a point', () => {
  it('is the last part of its path, made fit for formulas', () => {
    assert.deepEqual(
      identifiers([
        ['T', 'Speed'],
        ['T', 'Öl-Drück °C'],
        ['T', '3rd'],
        ['T', '压力'],
      ]),
      ['Speed', 'Ol_Druck_C', '_3rd', 'point'],
    );
  });

  it('is the whole path where the last part is not unique, and a number where that does not help either', () => {
    assert.deepEqual(
      identifiers([
        ['A', 'V'],
        ['B', 'V'],
        ['B', 'V'],
      ]),
      ['A_V', 'B_V', 'B_V_2'],
    );
    assert.deepEqual(
      identifiers([
        ['A', 'V'],
        ['B', 'V'],
        ['C', 'A_V'],
      ]),
      ['A_V_2', 'B_V', 'A_V'],
    );
  });

  it('is always one that the topology takes, and never given twice', () => {
    const long = 'x'.repeat(80);
    const names = identifiers([['9', long], ['8', long], [long, '7'], [`1${'2'.repeat(70)}`], ['', '']]);
    for (const name of names) assert.match(name, /^[A-Za-z_][A-Za-z0-9_]{0,63}$/);
    assert.equal(new Set(names).size, names.length);
  });
});

describe('points to paste', () => {
  it('are taken by the schema, whatever the server calls things', () => {
    const nodes = [
      variable(['T', 'Speed'], { unit: 'm/s' }),
      variable(['T', 'a"b\\c: #\u0085\u2028'], { unit: '"°C"' }),
      variable(['T', 'Far'], { unit: 'a unit far too long for a point' }),
    ];
    const { points: parsed }: { points: unknown[] } = parse(points(nodes).join('\n'));
    const taken = parsed.map((point) => Point.parse(point));
    assert.deepEqual(
      taken.map(({ opcua }) => opcua?.node),
      nodes.map(({ address }) => address),
    );
    assert.deepEqual(
      taken.map(({ unit }) => unit),
      ['m/s', '"°C"', ''],
    );
  });

  it('leave out, with the reason, what can be no point', () => {
    const lines = points([
      variable(['Array'], { dataType: 'Double[]', pointType: null }),
      variable(['Secret\nx'], { access: { read: false, write: true } }),
    ]);
    assert.equal(lines.length, 3);
    assert.match(lines[0] ?? '', /# no variable here/);
    assert.match(lines[1] ?? '', /# left out: Array .* Double\[\] is no single value$/);
    assert.match(lines[2] ?? '', /# left out: Secret\?x .* it may not be read$/);
  });
});

describe('the table', () => {
  it('stands in columns and lets no name steer the terminal', () => {
    const [head = '', first = ''] = table([variable(['\u001b[31mA\u202e'], { access: { read: true, write: true } })]);
    assert.equal(first.includes('\u001b') || first.includes('\u202e'), false);
    assert.equal(head.indexOf('Node'), first.indexOf('nsu='));
    assert.match(first, /read, write +1$/);
  });
});

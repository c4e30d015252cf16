import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ALARM_FIELDS, ASSET_FIELDS, DEVICE_FIELDS } from '../../../../gateways/http/view-fields.ts';

describe('the fields of a kind of item', () => {
  it('are its groups, what is in them, and the keys of props for short', () => {
    for (const path of [
      'id',
      'props',
      'health',
      'props.health',
      'values',
      'values.flow',
      'windows.flow@1m',
      'marks.a.b',
    ])
      assert.equal(ASSET_FIELDS.problemOfField(path), undefined, path);
    for (const path of [
      '',
      'colour',
      'props.colour',
      'values.',
      'props.path.0',
      'constructor',
      '__proto__',
      'id.x',
      '.',
    ])
      assert.match(ASSET_FIELDS.problemOfField(path) ?? '', /^there is no field .*there are .*props.*name, site/, path);
    assert.equal(ALARM_FIELDS.problemOfField('shelved.untilMs'), undefined);
    assert.match(ALARM_FIELDS.problemOfField('props.name') ?? '', /there are id, entity/);
    assert.match(ALARM_FIELDS.problemOfField('shelved.colour') ?? '', /no field/);
  });

  it('sort by anything but a whole group', () => {
    assert.equal(DEVICE_FIELDS.problemOfSort('lastSeenMs'), undefined);
    assert.equal(DEVICE_FIELDS.problemOfSort('values.flow'), undefined);
    assert.match(DEVICE_FIELDS.problemOfSort('values') ?? '', /is a group/);
    assert.match(DEVICE_FIELDS.problemOfSort('props') ?? '', /is a group/);
    assert.match(DEVICE_FIELDS.problemOfSort('nothing') ?? '', /no field/);
  });

  it('go without the short form over the push', () => {
    assert.equal(ASSET_FIELDS.problemOfPath('props.health'), undefined);
    assert.match(ASSET_FIELDS.problemOfPath('health') ?? '', /no field health/);
  });
});

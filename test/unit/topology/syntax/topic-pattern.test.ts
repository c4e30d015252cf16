import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileTopic } from '../../../../topology/syntax/topic-pattern.ts';

describe('a topic template', () => {
  it('becomes a filter and reads the three shapes that are in use', () => {
    const cases = [
      [
        'telemetry/{site}/{asset}/{tag}',
        'telemetry/+/+/+',
        'telemetry/north/pump-1/temp',
        { site: 'north', asset: 'pump-1', tag: 'temp' },
      ],
      ['v1/telemetry/{org}/{device}', 'v1/telemetry/+/+', 'v1/telemetry/acme/plc-1', { org: 'acme', device: 'plc-1' }],
      ['sensors/{device}/data', 'sensors/+/data', 'sensors/plc-1/data', { device: 'plc-1' }],
      ['+/{device}/#', '+/+/#', 'x/plc-1/a/b', { device: 'plc-1' }],
      ['{device}/#', '+/#', 'plc-1', { device: 'plc-1' }],
      ['#', '#', 'anything/at/all', {}],
    ] as const;
    for (const [template, filter, topic, names] of cases) {
      const pattern = compileTopic(template);
      assert.equal(pattern.filter, filter);
      assert.deepEqual(pattern.match(topic), names, template);
    }
  });

  it('does not fit topics of another form', () => {
    const pattern = compileTopic('sensors/{device}/data');
    for (const topic of ['sensors/plc-1', 'sensors/plc-1/data/more', 'sensors/plc-1/status', 'other/plc-1/data', '']) {
      assert.equal(pattern.match(topic), undefined, topic);
    }
  });

  it('leaves the topics of the broker itself alone', () => {
    assert.equal(compileTopic('#').match('$SYS/broker/uptime'), undefined);
    assert.equal(compileTopic('{device}/+').match('$SYS/uptime'), undefined);
    assert.deepEqual(compileTopic('$SYS/{tag}').match('$SYS/uptime'), { tag: 'uptime' });
  });

  it('is refused when a level mixes text and name, names what does not exist, or is named twice', () => {
    for (const template of ['a/x{device}', 'a/{thing}', 'a/#/b', 'a/{device}/{device}', 'a/b+']) {
      assert.throws(() => compileTopic(template), /topic/, template);
    }
  });
});

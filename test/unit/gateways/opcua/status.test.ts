import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { meaningOfStatus } from '../../../../gateways/opcua/status.ts';

describe('the meaning of a StatusCode', () => {
  it('is GOOD for Good and its sub-codes', () => {
    assert.deepEqual(meaningOfStatus(0, 'Good'), { quality: 'GOOD', reason: null, overflow: false });
    assert.equal(meaningOfStatus(0x0096_0000, 'GoodLocalOverride').quality, 'GOOD');
  });

  it('is UNCERTAIN and BAD by severity, with the name as reason', () => {
    assert.deepEqual(meaningOfStatus(0x4090_0000, 'UncertainLastUsableValue'), {
      quality: 'UNCERTAIN',
      reason: 'opcua_UncertainLastUsableValue',
      overflow: false,
    });
    assert.deepEqual(meaningOfStatus(0x808c_0000, 'BadSensorFailure'), {
      quality: 'BAD',
      reason: 'opcua_BadSensorFailure',
      overflow: false,
    });
  });

  it('takes the reserved severity for Bad', () => {
    assert.equal(meaningOfStatus(0xc000_0000, 'Unknown').quality, 'BAD');
  });

  it('makes a good value SUSPECT when the queue overflowed', () => {
    assert.deepEqual(meaningOfStatus(0x0000_0480, 'Good#Overflow'), {
      quality: 'SUSPECT',
      reason: 'opcua_overflow',
      overflow: true,
    });
    assert.equal(meaningOfStatus(0x4090_0480, 'UncertainLastUsableValue#Overflow').quality, 'UNCERTAIN');
    assert.equal(
      meaningOfStatus(0x4090_0480, 'UncertainLastUsableValue#Overflow').reason,
      'opcua_UncertainLastUsableValue',
    );
  });

  it('ignores the overflow bit where the info type does not give it a meaning', () => {
    assert.equal(meaningOfStatus(0x0000_0080, 'Good').quality, 'GOOD');
    assert.equal(meaningOfStatus(0x0000_0880, 'Good').quality, 'GOOD');
  });
});

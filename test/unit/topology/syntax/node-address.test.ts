import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressOfNodeId, parseNodeAddress, resolveNodeAddress } from '../../../../topology/syntax/node-address.ts';

const NAMESPACES = ['http://opcfoundation.org/UA/', 'urn:server', 'urn:plant', 'urn:odd;name%'];
const resolve = (text: string): string | null => {
  const address = parseNodeAddress(text);
  assert.ok(address !== null, text);
  return resolveNodeAddress(address, NAMESPACES);
};

describe('the address of a node', () => {
  it('is found by the URI of its namespace, whatever its index', () => {
    assert.equal(resolve('nsu=urn:plant;s=Turbine1.Speed'), 'ns=2;s=Turbine1.Speed');
    assert.equal(resolve('nsu=http://opcfoundation.org/UA/;i=2258'), 'i=2258');
  });

  it('may hold escaped characters in the URI, and any in the identifier', () => {
    assert.equal(resolve('nsu=urn:odd%3Bname%25;s=a;b=c'), 'ns=3;s=a;b=c');
  });

  it('may give an index, or none for the standard namespace', () => {
    assert.equal(resolve('ns=7;i=12'), 'ns=7;i=12');
    assert.equal(resolve('i=85'), 'i=85');
  });

  it('has no node id while the server does not know the namespace', () => {
    assert.equal(resolve('nsu=urn:elsewhere;s=x'), null);
  });

  it('is written for a node id by URI, so that it is found again', () => {
    assert.equal(addressOfNodeId('ns=2;s=Turbine1.Speed', NAMESPACES), 'nsu=urn:plant;s=Turbine1.Speed');
    assert.equal(addressOfNodeId('ns=0;i=85', NAMESPACES), 'i=85');
    assert.equal(addressOfNodeId('ns=9;s=a', NAMESPACES), 'ns=9;s=a', 'the server does not say its URI');
    for (const nodeId of ['ns=3;s=a;b=c', 'ns=1;i=7', 'i=2258'])
      assert.equal(resolve(addressOfNodeId(nodeId, NAMESPACES)), nodeId);
  });

  it('is refused when it is not the text of a node id', () => {
    for (const text of ['', 'Turbine1', 'ns=x;s=a', 's=', 'ns=2;q=1', 'i=abc', 'nsu=urn:plant']) {
      assert.equal(parseNodeAddress(text), null, text);
    }
  });
});

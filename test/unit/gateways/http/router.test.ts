import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Router } from '../../../../gateways/http/router.ts';
import { ROUTES } from '../../../../gateways/http/routes.ts';

const router = new Router(ROUTES);

function found(method: string, path: string): unknown {
  const match = router.match(method, path);
  return match.kind === 'found'
    ? [match.route.path, match.params]
    : match.kind === 'method'
      ? match.allowed
      : match.kind;
}

describe('the router', () => {
  it('finds routes and decodes what stands in a path', () => {
    assert.deepEqual(found('GET', '/assets'), ['/assets', {}]);
    assert.deepEqual(found('GET', '/assets/pump-1/hierarchy'), ['/assets/{id}/hierarchy', { id: 'pump-1' }]);
    assert.deepEqual(found('POST', '/alarms/asset%2Fpump-1%3Ahot/acknowledge'), [
      '/alarms/{id}/acknowledge',
      { id: 'asset/pump-1:hot' },
    ]);
    assert.deepEqual(found('HEAD', '/assets'), ['/assets', {}]);
  });

  it('prefers a word to a parameter', () => {
    assert.deepEqual(found('GET', '/alarms/history'), ['/alarms/history', {}]);
    assert.deepEqual(found('GET', '/alarms/x'), ['/alarms/{id}', { id: 'x' }]);
    assert.deepEqual(found('POST', '/alarms/acknowledge'), ['/alarms/acknowledge', {}]);
    assert.deepEqual(found('GET', '/alarms/acknowledge'), ['POST'], 'also where another method has the parameter');
    assert.deepEqual(found('PUT', '/workorders/WO-1'), ['GET', 'PATCH']);
  });

  it('tells an unknown path from a wrong method', () => {
    assert.equal(found('GET', '/nothing'), 'none');
    assert.equal(found('GET', '/assets/'), 'none');
    assert.equal(found('GET', '/assets/%E0%A4%A'), 'none');
    assert.deepEqual(found('PUT', '/assets'), ['GET']);
  });

  it('finds every route of the table by its own path', () => {
    for (const { method, path } of ROUTES) {
      const match = router.match(method, path.replaceAll(/\{(\w+)\}/g, 'x-$1'));
      assert.equal(match.kind === 'found' ? match.route.path : match.kind, path);
    }
  });
});

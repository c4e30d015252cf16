import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { covers, grants, PERMISSIONS, ROLES, rolesWith } from '../../../../gateways/auth/roles.ts';

describe('roles', () => {
  it('grant literally, by resource and altogether', () => {
    assert.ok(grants(['alarm:read'], 'alarm:read'));
    assert.ok(grants(['alarm:*'], 'alarm:shelve'));
    assert.ok(grants(['*'], 'token:manage'));
    assert.ok(!grants(['alarm:read'], 'alarm:shelve'));
    assert.ok(!grants(['alarm:*'], 'alarms:read'));
    assert.ok(!grants([], 'alarm:read'));
  });

  it('never grant what is internal', () => {
    for (const needed of ['internal', 'internal:*', 'internal:x']) {
      assert.ok(!grants(['*', 'internal', 'internal:*', 'internal:x'], needed));
    }
    assert.deepEqual(rolesWith({ robot: ['internal:*', 'asset:read', 'internal'] }).robot, ['asset:read']);
  });

  it('of the topology file are added to the shipped ones or replace them', () => {
    const roles = rolesWith({ viewer: ['site:read'], guard: ['alarm:read'] });
    assert.deepEqual(roles.viewer, ['site:read']);
    assert.deepEqual(roles.guard, ['alarm:read']);
    assert.equal(roles.operator, ROLES.operator);
  });

  it('name only permissions that exist', () => {
    const known = new Set<string>(PERMISSIONS);
    for (const permissions of Object.values(ROLES)) {
      for (const one of permissions) assert.ok(one.endsWith('*') || known.has(one), one);
    }
  });

  it('cover what is no more than themselves', () => {
    assert.ok(covers(['*'], ['*', 'alarm:*']));
    assert.ok(covers(['alarm:*'], ['alarm:read', 'alarm:*']));
    assert.ok(!covers(['alarm:read'], ['alarm:*']));
    assert.ok(!covers(['alarm:*', 'site:*'], ['*']));
  });

  it('let a viewer change nothing', () => {
    for (const permission of ROLES.viewer ?? []) assert.match(permission, /:read$/);
  });
});

/**
 * Who may do what, as data: a role is a list of permissions `resource:verb`. The topology file adds roles or replaces these.
 */

/** Every permission that some route, topic or command of the product asks for. */
export const PERMISSIONS = [
  'site:read',
  'asset:read',
  'asset:manage',
  'device:read',
  'device:write',
  'device:manage',
  'telemetry:read',
  'alarm:read',
  'alarm:acknowledge',
  'alarm:shelve',
  'alarm:reset',
  'alarm:suppress',
  'alarm:comment',
  'rule:read',
  'rule:manage',
  'workorder:read',
  'workorder:create',
  'workorder:transition',
  'workorder:assign',
  'workorder:approve',
  'workorder:verify',
  'workorder:edit',
  'workorder:comment',
  'deadletter:read',
  'audit:read',
  'token:manage',
  'entity:restart',
  'health:read',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

const READ = [
  'site:read',
  'asset:read',
  'device:read',
  'telemetry:read',
  'alarm:read',
  'rule:read',
  'workorder:read',
  'health:read',
];
const ALARM_DESK = ['alarm:acknowledge', 'alarm:shelve', 'alarm:reset', 'alarm:comment'];
const FIELD_WORK = ['workorder:create', 'workorder:transition', 'workorder:edit', 'workorder:comment'];

/** The roles that are shipped. */
export const ROLES: Readonly<Record<string, readonly string[]>> = {
  viewer: READ,
  operator: [...READ, ...ALARM_DESK, 'workorder:create', 'workorder:comment', 'device:write'],
  technician: [...READ, 'alarm:acknowledge', 'alarm:comment', ...FIELD_WORK],
  engineer: [
    ...READ,
    ...ALARM_DESK,
    'alarm:suppress',
    'workorder:*',
    'device:write',
    'device:manage',
    'asset:manage',
    'rule:manage',
    'deadletter:read',
    'audit:read',
  ],
  /** For an assistant program: sees everything, changes nothing. */
  copilot: [...READ, 'deadletter:read', 'audit:read'],
  admin: ['*'],
};

/** Of plants under test: meters that send a level, and tanks with rules for every kind of alarm and with a work order. */
export const METERS_AND_TANKS: readonly string[] = [
  'deviceProfiles:',
  '  - id: meter',
  '    expectedIntervalMs: 600000',
  '    points:',
  '      - { name: level, range: { min: 0, max: 100 } }',
  'assetProfiles:',
  '  - id: tank',
  '    metrics:',
  '      - { name: level, key: true }',
  '      - { name: doubled, formula: "level * 2" }',
  '    rules:',
  '      - { id: high, name: High, metric: level, when: { above: 70 }, cooldownSeconds: 0, severity: HIGH, workOrder: inspect }',
  '      - { id: low, name: Low, metric: level, when: { below: 30 }, cooldownSeconds: 0, autoAckOnClear: true }',
  '      - { id: extreme, name: Extreme, metric: doubled, when: { above: 180 }, cooldownSeconds: 0, latched: true, severity: CRITICAL }',
  'workOrderTemplates:',
  '  - { id: inspect, name: Inspect the tank, dueHours: 500 }',
];

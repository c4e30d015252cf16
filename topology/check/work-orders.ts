import type { Assembly } from '../assembly.ts';
import { nearest } from '../nearest.ts';
import type { Source } from '../source.ts';
import { ROLES } from '../syntax/roles.ts';

/** Orders that go to a role that exists, with questions that can be answered. */
export function checkWorkOrders({ draft }: Assembly, source: Source): void {
  if (draft.head === null) return;
  const roles = Object.keys({ ...ROLES, ...draft.head.roles });
  for (const { value: template, path } of draft.workOrderTemplates.entries) {
    if (!roles.includes(template.assignRole)) {
      const near = nearest(template.assignRole, roles);
      source.report({
        at: [...path, 'assignRole'],
        code: 'UNKNOWN_ROLE',
        message: `no role "${template.assignRole}"`,
        suggestion: near ? `did you mean "${near}"?` : `there are ${roles.join(', ')}`,
      });
    }
    for (const [index, item] of template.checklist.entries()) {
      if (item.kind === 'number') continue;
      for (const key of ['unit', 'min', 'max'] as const) {
        if (item[key] === undefined) continue;
        source.report({
          at: [...path, 'checklist', index, key],
          atKey: true,
          code: 'SETTING_WITHOUT_EFFECT',
          severity: 'warning',
          message: `${key} is of a number, and the item is answered with a ${item.kind}`,
          suggestion: 'kind: number',
        });
      }
    }
  }
}

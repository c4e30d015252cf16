import type { Effect } from '../../runtime/actor-kind.ts';
import { entityId } from '../../runtime/ids.ts';
import type { Json } from '../../runtime/json.ts';
import type { AssetDefinition } from '../../topology/plant.ts';
import type { Rule } from '../../topology/schema/rule.ts';
import type { AlarmRecord } from '../alarm/machine.ts';
import type { Severity } from '../views.ts';

const PRIORITIES: Readonly<Record<Severity, string>> = {
  CRITICAL: 'critical',
  HIGH: 'high',
  MEDIUM: 'medium',
  LOW: 'low',
  INFO: 'low',
};

/** P-05: the order that a rule asks for. The book keeps one open per asset and rule, and appends to it when it comes again. */
export function requestOrder(definition: AssetDefinition, rule: Rule, record: AlarmRecord, date: string): Effect[] {
  const template = definition.workOrderTemplates[rule.workOrder ?? ''];
  if (template === undefined || !template.active) return [];
  const message = record.occurrence?.message ?? rule.name;
  const description = [template.description, message, rule.response].filter(
    (text) => text !== undefined && text !== '',
  );
  const severity = record.occurrence?.severity ?? rule.severity;
  const draft: Json = {
    title: `${template.name}: ${definition.name}`.slice(0, 200),
    description: description.join('\n\n').slice(0, 4000),
    type: template.type,
    priority: template.priority ?? PRIORITIES[severity],
    asset: definition.id,
    site: definition.site,
    rule: rule.id,
    template: template.id,
    assignedRole: template.assignRole,
    dueInHours: template.dueHours,
    checklist: template.checklist.map(({ unit, min, max, ...item }) => ({
      ...item,
      ...(unit === undefined ? {} : { unit }),
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
    })),
    needsApproval: template.needsApproval,
    needsVerification: template.needsVerification,
    assetDown: template.assetDown,
  };
  return [{ kind: 'tell', to: entityId('order-book', 'main'), command: { kind: 'RequestWorkOrder', draft, date } }];
}

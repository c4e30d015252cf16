import { type Rejection, reject } from '../../runtime/actor-kind.ts';
import type { PointValue } from '../frame.ts';
import type { ChecklistItemView } from './views.ts';

/** Names of the required items that are neither done nor skipped. */
export function openRequiredItems(checklist: readonly ChecklistItemView[]): readonly string[] {
  return checklist.filter((item) => item.required && item.state === 'open').map((item) => item.item);
}

/** Whether a value answers an item: a check needs none, a number has to lie within the item's bounds, a text must say something. */
export function checkItemValue(
  item: ChecklistItemView,
  value: PointValue | undefined,
): { readonly ok: true; readonly value: PointValue } | Rejection {
  switch (item.kind) {
    case 'check':
      if (value === undefined || value === true) return { ok: true, value: true };
      return reject(
        'CHECKLIST_VALUE_INVALID',
        `"${item.item}" is done or not: true, or skip it with a reason`,
        'value',
      );
    case 'text':
      if (typeof value === 'string' && value.trim() !== '') return { ok: true, value: value.trim() };
      return reject('CHECKLIST_VALUE_INVALID', `"${item.item}" asks for a text`, 'value');
    case 'number':
      if (typeof value !== 'number' || !Number.isFinite(value)) {
        return reject('CHECKLIST_VALUE_INVALID', `"${item.item}" asks for a number`, 'value');
      }
      if ((item.min !== null && value < item.min) || (item.max !== null && value > item.max)) {
        const bounds = [
          item.min === null ? '' : `at least ${item.min}`,
          item.max === null ? '' : `at most ${item.max}`,
        ];
        const expected = [...bounds.filter((bound) => bound !== '')].join(' and ');
        return reject(
          'CHECKLIST_VALUE_OUT_OF_BOUNDS',
          `"${item.item}" has to be ${expected} ${item.unit ?? ''}`.trim(),
          'value',
        );
      }
      return { ok: true, value };
  }
}

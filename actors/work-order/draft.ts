import type { Json } from '../../runtime/json.ts';
import type { WorkOrderDraft } from './commands.ts';

/** A draft as it goes into a command: without the fields that are undefined, which JSON does not have. */
export function draftAsJson(draft: WorkOrderDraft): Json {
  return JSON.parse(JSON.stringify(draft));
}

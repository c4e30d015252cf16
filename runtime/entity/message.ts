import type { View } from '../actor-kind.ts';
import { ErrorWithCode } from '../errors.ts';
import type { CommandId, EntityId } from '../ids.ts';
import type { Snapshot } from '../journal.ts';
import type { Json } from '../json.ts';
import type { PositionedRecord } from '../log.ts';
import type { AskOptions, Reply } from '../runtime.ts';

/** How a command came. */
export interface Sent extends Pick<AskOptions, 'by' | 'permissions' | 'deadlineMs'> {
  /** As the journal has them, both. */
  readonly commandId: CommandId;
  readonly commandHash: string;
}

/** What waits in an entity's mailbox. */
export type Message =
  | {
      readonly kind: 'command';
      readonly command: unknown;
      readonly sent: Sent;
      readonly reply: (reply: Reply) => void;
    }
  | {
      readonly kind: 'input';
      readonly input: unknown;
      readonly taken: () => void;
      readonly refused: (error: unknown) => void;
    }
  | { readonly kind: 'record'; readonly record: PositionedRecord }
  | { readonly kind: 'watch'; readonly changed: ReadonlyMap<EntityId, View> }
  | { readonly kind: 'note'; readonly note: Json }
  | { readonly kind: 'due' }
  | { readonly kind: 'emit' }
  | { readonly kind: 'recover' }
  /** `upTo`: every record up to this position that concerns the entity was posted before this message. */
  | { readonly kind: 'snapshot'; readonly upTo: number; readonly take: (snapshot: Snapshot | undefined) => void };

export type MessageOf<Kind extends Message['kind']> = Extract<Message, { readonly kind: Kind }>;

/** Tells whoever waits for an answer to a message that there will be none. */
export function decline(message: Message, code: string, text: string): void {
  if (message.kind === 'command') message.reply({ ok: false, code, message: text });
  if (message.kind === 'input') message.refused(new ErrorWithCode(code, text));
  if (message.kind === 'snapshot') message.take(undefined);
}

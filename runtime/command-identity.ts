import { createHash } from 'node:crypto';
import { CommandId } from './ids.ts';
import { permits } from './permissions.ts';
import type { AskOptions } from './runtime.ts';

/**
 * What tells one command from another: whose id it carries, and what it says.
 *
 * People and programs choose ids as they like, so theirs stand in the journal under who they are: nobody can take an id that
 * somebody else uses, least of all one of the ids by which actors tell each other things, since those never begin like this.
 */
const CALLERS = 'caller:';

/** The id that the journal knows a command by. Only what is part of the product may send internal commands, and chooses whole ids. */
export function journalCommandId({ commandId, by, permissions }: Omit<AskOptions, 'timeoutMs'>): CommandId {
  return permits(permissions, 'internal:command') ? commandId : callersCommandId(by.user, commandId);
}

/** The journal's id for what a person or program calls `id`. A user's name may hold a colon, hence the escape. */
export function callersCommandId(user: string, id: string): CommandId {
  return CommandId.parse(`${CALLERS}${user.replaceAll('%', '%25').replaceAll(':', '%3A')}:${id}`);
}

/**
 * SHA-256 of a command as it was sent, whatever the order of its members. Not of what a schema makes of it: defaults that a
 * later version adds must not turn a repeat into another command.
 */
export function commandHash(command: unknown): string {
  return createHash('sha256').update(canonical(command)).digest('base64url');
}

/** JSON with sorted members; what is undefined is left out, as JSON does. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`);
  return `{${members.join(',')}}`;
}

import { randomUUID } from 'node:crypto';
import { CommandId, type EntityId } from '../../runtime/ids.ts';
import type { Json } from '../../runtime/json.ts';
import type { Reply } from '../../runtime/runtime.ts';
import { wantedBy } from '../auth/access-audit.ts';
import { madeIsShown } from '../made.ts';
import { HttpError } from './errors.ts';
import type { Call } from './route.ts';

type CommandCall = Pick<Call<unknown, unknown, unknown>, 'api' | 'identity' | 'address' | 'idempotencyKey'>;

/** An actor's refusal. Where it is for lack of permission, the audit has been told when it came. */
export class CommandRefused extends HttpError {}

/** Sends a command and waits for its commit, and for what it has made to be shown here. `part` tells several commands of one request apart. */
export async function ask(
  call: CommandCall,
  to: EntityId,
  command: object,
  part = '',
): Promise<{ readonly commandId: string; readonly reply: Reply }> {
  const { api, identity, address } = call;
  if (identity === undefined) throw new HttpError('UNAUTHENTICATED', 'a token is needed');
  const commandId = CommandId.parse(`${call.idempotencyKey ?? randomUUID()}${part}`);
  const reply = await api.runtime.ask(to, command, {
    commandId,
    by: { user: identity.user, via: 'http' },
    permissions: identity.permissions,
  });
  if (reply.ok) await madeIsShown(api.runtime, to, command, reply);
  else if (reply.code === 'FORBIDDEN') {
    const wanted = wantedBy(command, to);
    api.access.refused({ identity, address, via: 'http', wanted, reason: reply.message });
  }
  return { commandId, reply };
}

/** What the client has sent, by the name under which it did. */
function fieldOfRequest(code: string, field: string | undefined): string | undefined {
  if (code === 'COMMAND_ID_REUSED') return 'Idempotency-Key';
  // The body of a request for a work order is its draft, that of a rule its members.
  return field?.replace(/^(draft|rule|changes)\./, '');
}

/** As `ask`, for routes that send one command: a refusal becomes an HTTP error. */
export async function command(
  call: CommandCall,
  to: EntityId,
  body: object,
): Promise<{ readonly result: Json; readonly repeated: boolean; readonly commandId: string }> {
  const { commandId, reply } = await ask(call, to, body);
  if (!reply.ok) {
    throw new CommandRefused(reply.code, reply.message, { field: fieldOfRequest(reply.code, reply.field) });
  }
  return { result: reply.result, repeated: reply.repeated, commandId };
}

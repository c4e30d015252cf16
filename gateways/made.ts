import { z } from 'zod';
import { EntityId, kindOf } from '../runtime/ids.ts';
import { isGone } from '../runtime/live-bus.ts';
import type { Reply, Runtime } from '../runtime/runtime.ts';

/** How long the answer to a command may wait for what it has made to be shown here; it is certain without. */
const SHOWN_WITHIN_MS = 2000;
/** What was made by an earlier copy is usually shown, or has left the lists since. */
const REPEATED_WITHIN_MS = 250;

/**
 * Resolves when this node shows what an accepted command has made, or it has taken too long: an entity that is new may be made by
 * another node, a moment after the command that leads to it, and who made it is not to be told that it is not there.
 */
export async function madeIsShown(
  { live }: Pick<Runtime, 'live'>,
  to: EntityId,
  command: unknown,
  reply: Extract<Reply, { ok: true }>,
): Promise<void> {
  const made = madeBy(to, command, reply);
  if (made === undefined) return;
  const isShown = () => !isGone(live.cell(made) ?? NOTHING);
  const interest = live.want([live.groupOf(made)]);
  // What others do not say in time is what the bound is for.
  interest.ready.catch(() => undefined);
  if (!isShown()) {
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        silence();
        resolve();
      };
      const silence = live.onFlush(() => {
        if (isShown()) end();
      });
      const timer = setTimeout(end, reply.repeated ? REPEATED_WITHIN_MS : SHOWN_WITHIN_MS);
    });
  }
  interest.release();
}

/** The entity that an accepted command has made, where it makes one. */
export function madeBy(
  to: EntityId,
  command: unknown,
  { result }: Pick<Extract<Reply, { ok: true }>, 'result'>,
): EntityId | undefined {
  const kind = Command.safeParse(command).data?.kind;
  if (kind === 'CreateRule' && kindOf(to) === 'rule') return to;
  if (kind !== 'RequestWorkOrder') return undefined;
  const numbered = Numbered.safeParse(result);
  return numbered.success ? EntityId.safeParse(`work-order/${numbered.data.number}`).data : undefined;
}

const NOTHING = { view: {} };
const Command = z.object({ kind: z.string() });
const Numbered = z.object({ number: z.string() });

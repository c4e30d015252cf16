import { z } from 'zod';
import type { Outlet, OutletCall } from '../../runtime/effects.ts';
import { ErrorWithCode } from '../../runtime/errors.ts';
import type { Json } from '../../runtime/json.ts';

const TIMEOUT_MS = 5000;

const Webhook = z.looseObject({ url: z.url({ protocol: /^https?$/ }) });

/**
 * Posts an event to the address that a rule names. The effect's id goes along as `Idempotency-Key`, since a delivery may be
 * repeated after a crash. 408, 429 and 5xx are tried again; any other refusal is final, for it would be refused again. What is
 * under way when the node stops is given up, and posted again after the next start.
 */
const deliver = async (body: Json, { id, signal }: OutletCall): Promise<void> => {
  const parsed = Webhook.safeParse(body);
  if (!parsed.success)
    throw new ErrorWithCode('WEBHOOK_MALFORMED', 'the effect names no address', { retryable: false });
  const { url, ...content } = parsed.data;
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': id },
    body: JSON.stringify(content),
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    redirect: 'error',
  });
  await response.body?.cancel();
  if (response.ok) return;
  const retryable = response.status >= 500 || response.status === 408 || response.status === 429;
  throw new ErrorWithCode('WEBHOOK_REFUSED', `${url} answered ${response.status}`, { retryable });
};

/** Each address on its own: one that does not answer keeps no other from being told. */
export const deliverWebhook: Outlet = Object.assign(deliver, {
  destinationOf: (body: Json) => Webhook.safeParse(body).data?.url ?? '',
});

import type { Loading } from '../../runtime/live-bus.ts';
import type { FieldLink } from '../http/field-links.ts';
import { driverName } from '../http/link-words.ts';
import type { SystemState } from '../http/system-health.ts';
import type { LinkTrouble, ServerFrame } from './protocol.ts';

/** A heartbeat stays small: the first of each, and how many more there are. */
const MAX_REASONS = 5;
const MAX_LINKS = 8;
const MAX_TEXT = 300;

type Heartbeat = Extract<ServerFrame, { readonly op: 'heartbeat' }>;

/**
 * What a heartbeat tells of the state of the whole, and apart from each other of the node and of its links.
 *
 * @param loading what may be lacking of all that somebody looks at here
 */
export function heartbeatOf(
  { status, reasons, server, parts, links }: SystemState,
  timeMs: number,
  loading?: Loading,
): Omit<Heartbeat, 'seq'> {
  const troubled = links.filter((link) => link.status !== 'healthy').map(troubleOf);
  troubled.sort((a, b) => GRAVITY[a.state] - GRAVITY[b.state] || b.devices - a.devices);
  const more = troubled.length - MAX_LINKS;
  return {
    op: 'heartbeat',
    timeMs,
    health: status,
    notRecorded: parts.some((part) => part.name === 'journal' && part.status === 'unhealthy'),
    ...(reasons.length > 0 && { reasons: firstOf(reasons) }),
    server: { status: server.status, reasons: firstOf(server.reasons) },
    ...(troubled.length > 0 && { links: troubled.slice(0, MAX_LINKS) }),
    ...(more > 0 && { moreLinks: more }),
    ...(loading !== undefined && { loading }),
  };
}

const GRAVITY: Readonly<Record<LinkTrouble['state'], number>> = { lost: 0, degraded: 1, connecting: 2 };

function troubleOf({
  connection,
  name,
  driver,
  status,
  state,
  devices,
  devicesOnline,
  reason,
}: FieldLink): LinkTrouble {
  return {
    connection,
    name,
    driver: driverName(driver),
    state: status === 'unhealthy' ? 'lost' : state === 'degraded' ? 'degraded' : 'connecting',
    devices,
    devicesOnline,
    reason: (reason ?? '').slice(0, MAX_TEXT),
  };
}

function firstOf(reasons: readonly string[]): string[] {
  const first = reasons.slice(0, MAX_REASONS).map((reason) => reason.slice(0, MAX_TEXT));
  return reasons.length > MAX_REASONS ? [...first, `and ${reasons.length - MAX_REASONS} more`] : first;
}

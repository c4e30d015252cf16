import type { LinkTrouble } from '../../gateways/websocket/protocol.ts';
import { type AwayGroup, countInWords } from './away-board.ts';
import type { Heartbeat } from './connection.ts';
import { formatAge } from './format.ts';

/** Something about the server or the field that everybody in front of the wall has to know. */
export interface Condition {
  readonly key: string;
  /** What it is, in capitals on the wall. */
  readonly label: string;
  /** What it is about; empty where the label says it all. */
  readonly subject: string;
  /** Where more of it stands, a page of the wall. */
  readonly href: string | null;
  /** Whether something is gone, and not only on its way or not quite well. */
  readonly grave: boolean;
  /** One sentence each, the most telling first. */
  readonly reasons: readonly string[];
}

type Told = Pick<Heartbeat, 'notRecorded' | 'server' | 'links' | 'moreLinks' | 'loading'>;

/** The server and the links to the field apart from each other: a lost cable is no fault of the server, nor is it mended there. */
export function conditionsOf(
  { notRecorded, server, links = [], moreLinks = 0, loading }: Told,
  away: readonly AwayGroup[] = [],
): Condition[] {
  const conditions: Condition[] = [];
  if (notRecorded) conditions.push(NOT_RECORDED);
  // Of edges that were never heard their entities tell, each with the line of its edge.
  if (loading !== undefined && loading.shards > 0) conditions.push(stillLoading(loading));
  // What stands in a line of its own is not told twice.
  const reasons = server.reasons.filter(
    (reason) => !away.some(({ cell }) => reason.startsWith(`cell ${cell}: link lost`)),
  );
  if (server.status === 'unhealthy' || (server.status !== 'healthy' && (reasons.length > 0 || away.length === 0))) {
    conditions.push({
      key: 'server',
      label: server.status === 'unhealthy' ? 'SERVER FAILING' : 'SERVER DEGRADED',
      subject: '',
      href: null,
      grave: server.status === 'unhealthy',
      reasons,
    });
  }
  for (const state of STATES) {
    const these = links.filter((link) => link.state === state);
    // The gravest come first, so those that were left out are of the last kind that is listed.
    const hasMore = moreLinks > 0 && links.at(-1)?.state === state;
    if (these.length > 0) conditions.push(linkCondition(state, these, hasMore ? moreLinks : 0));
  }
  return conditions;
}

const NOT_RECORDED: Condition = {
  key: 'not-recorded',
  label: 'NOT RECORDED YET',
  subject: '',
  href: null,
  grave: true,
  reasons: [
    'The journal takes no entries now. Values and alarms go on, marked where they are not on record yet; they are recorded, and notifications sent, when it is back. Commands, acknowledging too, are refused until then.',
  ],
};

/** Lists and counts are of what is known: less than the plant, and nobody can say by how much. */
function stillLoading({ shards, of }: NonNullable<Heartbeat['loading']>): Condition {
  return {
    key: 'loading',
    label: 'STILL LOADING',
    subject: '',
    href: null,
    grave: true,
    reasons: [
      `${shards} of ${of} shards, the parts into which the plant is divided: assets, devices and alarms of theirs may be missing here. What is found is shown at once.`,
    ],
  };
}

/** What of the plant nobody speaks for, in a line for each cause. */
export function awayConditions(
  groups: readonly AwayGroup[],
  timeOf: (timeMs: number) => string,
  nowMs: number,
): Condition[] {
  return groups.map((group) => {
    const { cell, sinceMs } = group;
    if (group.neverHeard) return neverHeard(group);
    const count = countInWords(group);
    const are = group.sites + group.assets + group.devices === 1 ? 'is' : 'are';
    return {
      key: `away ${cell ?? ''}`,
      label: cell === null ? 'OWNER SILENT' : 'LINK TO EDGE LOST',
      subject: cell ?? '',
      href: cell === null ? null : edgeHref(cell),
      grave: true,
      reasons: [
        `since ${timeOf(sinceMs)}, for ${formatAge(nowMs - sinceMs)}: ${count} ${are} shown as of then. ${cell === null ? 'Another node takes over within seconds, if one can.' : 'Whether something has changed there since is not known here; the edge goes on by itself.'}`,
      ],
    };
  });
}

function neverHeard(group: AwayGroup): Condition {
  const are = group.sites + group.assets + group.devices === 1 ? 'is' : 'are';
  return {
    key: `never ${group.cell ?? ''}`,
    label: 'EDGE NEVER HEARD',
    subject: group.cell ?? '',
    href: edgeHref(group.cell ?? ''),
    grave: true,
    reasons: [
      `${countInWords(group)} ${are} listed as the topology file has them. Values, states and alarms there are not known here, nor work orders and rules that were made there.`,
    ],
  };
}

function edgeHref(cell: string): string {
  return `/edges?edge=${encodeURIComponent(cell)}`;
}

const STATES = ['lost', 'degraded', 'connecting'] as const;
const LABELS = { lost: 'LOST', degraded: 'DEGRADED', connecting: 'CONNECTING' } as const;

function linkCondition(state: LinkTrouble['state'], links: readonly LinkTrouble[], more: number): Condition {
  const [only] = links;
  const several = links.length + more > 1;
  const devices = links.reduce((sum, link) => sum + link.devices, 0);
  const names = links.map(({ name }) => name).join(', ');
  return {
    key: state,
    label: several ? `${links.length + more} FIELD LINKS ${LABELS[state]}` : `FIELD LINK ${LABELS[state]}`,
    subject: more > 0 ? `${names} and ${more} more` : `${names} (${devicesInWords(devices)})`,
    // Of several links the devices: those that are not online stand first in the list.
    href: several || only === undefined ? '/devices' : `/connection/${encodeURIComponent(only.connection)}`,
    grave: state === 'lost',
    reasons:
      several || only === undefined
        ? links.map((link) => `${link.name} (${devicesInWords(link.devices)}), ${sentence(link)}`)
        : [sentence(only)],
  };
}

function sentence({ driver, reason }: LinkTrouble): string {
  return `${driver}: ${reason}`;
}

function devicesInWords(devices: number): string {
  if (devices === 0) return 'no device';
  return devices === 1 ? '1 device' : `${devices} devices`;
}

import type { Health, Runtime } from '../../runtime/runtime.ts';
import type { KnownLink } from '../link-board.ts';
import { type FieldLink, FieldLinks, type Status } from './field-links.ts';
import { driverName } from './link-words.ts';

export interface SystemState {
  readonly status: Status;
  /** Why it is not simply healthy, one sentence each: what is wrong with the node, then with the links. */
  readonly reasons: readonly string[];
  /** The node alone. A lost cable leaves it as well as it was. */
  readonly server: { readonly status: Status; readonly reasons: readonly string[] };
  readonly parts: Health['parts'];
  readonly links: readonly FieldLink[];
}

/**
 * How the whole is: the node and its links to the field. A node with a link down still serves and alarms, so it is degraded;
 * with none that works it shows nothing of the plant, and is unhealthy. Readiness is about the node alone, since another node
 * would not mend a cable.
 */
export class SystemHealth {
  readonly #runtime: Pick<Runtime, 'health'>;
  readonly #links: FieldLinks;

  constructor(runtime: Pick<Runtime, 'health' | 'live'>, known?: () => Iterable<KnownLink>) {
    this.#runtime = runtime;
    this.#links = new FieldLinks(runtime.live, known);
  }

  read(nowMs: number): SystemState {
    const node = this.#runtime.health();
    const links = this.#links.read(nowMs);
    const server = { status: node.status, reasons: partReasons(node) };
    const reasons = [...server.reasons, ...links.flatMap((link) => linkReason(link) ?? [])];
    return { status: overall(node.status, links), reasons, server, parts: node.parts, links };
  }
}

function overall(node: Status, links: readonly FieldLink[]): Status {
  if (node === 'unhealthy') return node;
  if (links.length > 0 && links.every(({ status }) => status === 'unhealthy')) return 'unhealthy';
  return links.some(({ status }) => status !== 'healthy') ? 'degraded' : node;
}

function partReasons({ parts }: Health): string[] {
  return parts
    .filter(({ status }) => status !== 'healthy' && status !== 'not_checked')
    .map(({ name, detail }) => `${name}: ${detail}`);
}

/** Names the connection, its driver, how many devices it leaves without news, and what went wrong. */
function linkReason({ name, driver, status, state, devices, reason }: FieldLink): string | undefined {
  if (status === 'healthy') return undefined;
  const how = status === 'unhealthy' ? 'lost' : state;
  return `field link ${name} (${driverName(driver)}, ${devices} ${devices === 1 ? 'device' : 'devices'}) is ${how}: ${reason}`;
}

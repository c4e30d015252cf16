import type { Health, Runtime } from '../../runtime/runtime.ts';
import { type FieldLink, FieldLinks, type Status } from './field-links.ts';

export interface SystemState {
  readonly status: Status;
  /** Why it is not simply healthy, one sentence each. */
  readonly reasons: readonly string[];
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

  constructor(runtime: Pick<Runtime, 'health' | 'live'>) {
    this.#runtime = runtime;
    this.#links = new FieldLinks(runtime.live);
  }

  read(nowMs: number): SystemState {
    const node = this.#runtime.health();
    const links = this.#links.read(nowMs);
    return { status: overall(node.status, links), reasons: reasonsOf(node, links), parts: node.parts, links };
  }
}

function overall(node: Status, links: readonly FieldLink[]): Status {
  if (node === 'unhealthy') return node;
  if (links.length > 0 && links.every(({ status }) => status === 'unhealthy')) return 'unhealthy';
  return links.some(({ status }) => status !== 'healthy') ? 'degraded' : node;
}

function reasonsOf({ parts }: Health, links: readonly FieldLink[]): string[] {
  return [
    ...parts.filter(({ status }) => status !== 'healthy').map(({ name, detail }) => `${name}: ${detail}`),
    ...links
      .filter(({ status }) => status !== 'healthy')
      .map(({ connection, driver, state, reason }) => `link ${connection} (${driver}) is ${state}: ${reason}`),
  ];
}

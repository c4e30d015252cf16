import { addressOfNodeId } from '../../topology/syntax/node-address.ts';
import { type BrowseEntry, browsePage, classOf, releaseContinuation } from './browse.ts';
import { faultOf, OpcUaFault } from './errors.ts';
import type { FieldSession } from './session.ts';
import { readVariables, type VariableFacts } from './variables.ts';

/** One node below the start, in the order of the tree. */
export interface ExploredNode {
  /** 0 is the start itself. */
  readonly depth: number;
  readonly name: string;
  /** Browse names from below the start down to this node. */
  readonly path: readonly string[];
  /** As the topology file takes it. */
  readonly address: string;
  readonly nodeClass: BrowseEntry['nodeClass'];
  /** Of variables alone. */
  readonly variable: VariableFacts | null;
}

export interface Exploration {
  readonly nodes: readonly ExploredNode[];
  /** There are more nodes than may be listed. */
  readonly truncated: boolean;
  /** Branches that the server would not show, with its reason. */
  readonly refused: readonly string[];
}

export interface ExploreOptions {
  /** In the server's present numbering. */
  readonly nodeId: string;
  readonly namespaces: readonly string[];
  /** Levels below the start. */
  readonly depth: number;
  readonly maxNodes: number;
}

interface Found {
  readonly depth: number;
  readonly nodeId: string;
  readonly name: string;
  readonly path: readonly string[];
  readonly nodeClass: BrowseEntry['nodeClass'];
}

const ENTRIES_PER_PAGE = 500;
/** The server's own diagnostics: hundreds of nodes that nobody looks for. Whoever does names it as the start. */
const SERVER_OBJECT = 'ns=0;i=2253';
const NODE_CLASS = 2;
const BROWSE_NAME = 3;
const DISPLAY_NAME = 4;

/** The address space below a node, with what a point needs to know of each variable. Throws an OpcUaFault. */
export async function explore(session: FieldSession, options: ExploreOptions): Promise<Exploration> {
  try {
    const walk = new Walk(session, options);
    await walk.from(await startNode(session, options.nodeId));
    const variables = walk.found.filter(({ nodeClass }) => nodeClass === 'Variable').map(({ nodeId }) => nodeId);
    const facts = await readVariables(session, variables);
    const nodes = walk.found.map(({ nodeId, ...node }) => ({
      ...node,
      address: addressOfNodeId(nodeId, options.namespaces),
      variable: facts.get(nodeId) ?? null,
    }));
    return { nodes, truncated: walk.truncated, refused: walk.refused };
  } catch (error) {
    throw faultOf(error);
  }
}

/** Depth first, one folder at a time: servers keep few continuation points, and a tree is what a person reads. */
class Walk {
  readonly found: Found[] = [];
  readonly refused: string[] = [];
  truncated = false;
  readonly #session: FieldSession;
  readonly #options: ExploreOptions;
  /** References may lead back, and a node may hang in several folders. */
  readonly #seen = new Set<string>();

  constructor(session: FieldSession, options: ExploreOptions) {
    this.#session = session;
    this.#options = options;
  }

  async from(start: Found): Promise<void> {
    this.#seen.add(start.nodeId);
    await this.#visit(start);
  }

  async #visit(node: Found): Promise<void> {
    if (this.found.length >= this.#options.maxNodes) this.truncated = true;
    if (this.truncated) return;
    this.found.push(node);
    if (node.depth >= this.#options.depth || (node.depth > 0 && !leadsDown(node))) return;
    const children: Found[] = [];
    // All of a folder are its own before one of them is entered: a reference from one to the next must not take that below it.
    for (const entry of await this.#entries(node)) {
      if (this.#seen.has(entry.nodeId)) continue;
      this.#seen.add(entry.nodeId);
      children.push(childOf(node, entry));
    }
    for (const child of children) await this.#visit(child);
  }

  async #entries(node: Found): Promise<BrowseEntry[]> {
    const entries: BrowseEntry[] = [];
    let continuation: string | null = null;
    do {
      const page = await browsePage(this.#session, node.nodeId, {
        limit: ENTRIES_PER_PAGE,
        ...(continuation === null ? {} : { continuation }),
      });
      if ('code' in page) {
        // Of a branch the others are still worth showing; without the start there is nothing.
        if (node.depth === 0) throw new OpcUaFault('opcua_server_refused', `${page.message} (${page.code})`);
        this.refused.push(page.message);
        return entries;
      }
      for (const entry of page.entries) if (!entry.property) entries.push(entry);
      continuation = page.continuation;
      if (continuation !== null && this.found.length + entries.length > this.#options.maxNodes) {
        await releaseContinuation(this.#session, continuation);
        return entries;
      }
    } while (continuation !== null);
    return entries;
  }
}

function childOf(parent: Found, { nodeId, displayName, browseName, nodeClass }: BrowseEntry): Found {
  const path = [...parent.path, browseName.replace(/^\d+:/, '')];
  return { depth: parent.depth + 1, nodeId, name: displayName, path, nodeClass };
}

function leadsDown({ nodeClass, nodeId }: Found): boolean {
  return (nodeClass === 'Object' || nodeClass === 'Variable') && nodeId !== SERVER_OBJECT;
}

async function startNode(session: FieldSession, nodeId: string): Promise<Found> {
  const [nodeClass, browseName, displayName] = await session.read(
    [NODE_CLASS, BROWSE_NAME, DISPLAY_NAME].map((attributeId) => ({ nodeId, attributeId })),
  );
  if (nodeClass === undefined || nodeClass.statusCode.isNotGood()) {
    const status = nodeClass?.statusCode;
    throw new OpcUaFault('opcua_server_refused', `${nodeId}: ${status?.description ?? 'no answer'} (${status?.name})`);
  }
  const name = textOf(displayName?.value?.value) ?? nodeId;
  const path = textOf(browseName?.value?.value);
  // The start is part of no path, unless it is itself the point.
  const own = classOf(nodeClass.value?.value) === 'Variable' && path !== null ? [path] : [];
  return { depth: 0, nodeId: normal(nodeId), name, path: own, nodeClass: classOf(nodeClass.value?.value) };
}

/** As the library writes the ids of children, so that a way back to the start is seen as one. */
function normal(nodeId: string): string {
  return nodeId.startsWith('ns=') ? nodeId : `ns=0;${nodeId}`;
}

/** Of a LocalizedText or a QualifiedName. */
export function textOf(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  if ('text' in value && typeof value.text === 'string') return value.text;
  if ('name' in value && typeof value.name === 'string') return value.name;
  return null;
}

/**
 * The address of a node as the topology file writes it. A namespace is best named by its URI: the index the server gives it
 * may differ after every restart, so it is looked up at every connect.
 */
export interface NodeAddress {
  readonly namespace: { readonly uri: string } | { readonly index: number };
  /** `s=Turbine1.WindSpeed`, `i=2258`, `g=…`, `b=…` */
  readonly identifier: string;
}

const ADDRESS = /^(?:nsu=([^;]+);|ns=(\d{1,5});)?([isgb]=.+)$/s;

/** Null when it is not the text of a node id (OPC 10000-6, 5.3.1.11). */
export function parseNodeAddress(text: string): NodeAddress | null {
  const match = ADDRESS.exec(text);
  if (match === null) return null;
  const [, uri, index, identifier] = match;
  if (identifier === undefined) return null;
  if (identifier.startsWith('i=') && !/^i=\d{1,10}$/.test(identifier)) return null;
  if (uri !== undefined) return { namespace: { uri: unescapeUri(uri) }, identifier };
  return { namespace: { index: index === undefined ? 0 : Number(index) }, identifier };
}

/** The node id in the server's present numbering; null when the server does not know the namespace. */
export function resolveNodeAddress(address: NodeAddress, namespaces: readonly string[]): string | null {
  if ('index' in address.namespace) return nodeId(address.namespace.index, address.identifier);
  const index = namespaces.indexOf(address.namespace.uri);
  return index < 0 ? null : nodeId(index, address.identifier);
}

/** The address to write into a topology file for a node id in the server's present numbering (`ns=2;s=…`): by URI where it has one. */
export function addressOfNodeId(nodeId: string, namespaces: readonly string[]): string {
  const address = parseNodeAddress(nodeId);
  if (address === null || !('index' in address.namespace)) return nodeId;
  const { namespace, identifier } = address;
  // Namespace 0 is that of OPC UA itself and never moves.
  if (namespace.index === 0) return identifier;
  const uri = namespaces[namespace.index];
  return uri === undefined || uri === '' ? nodeId : `nsu=${escapeUri(uri)};${identifier}`;
}

function nodeId(index: number, identifier: string): string {
  return index === 0 ? identifier : `ns=${index};${identifier}`;
}

/** Only `;` and `%` are escaped in the URI of an expanded node id. */
function unescapeUri(uri: string): string {
  return uri.replace(/%3b/gi, ';').replace(/%25/g, '%');
}

function escapeUri(uri: string): string {
  return uri.replace(/%/g, '%25').replace(/;/g, '%3B');
}

/**
 * Messages between the nodes of a cell. Delivery is not promised: what matters carries an id, is answered, and is sent again.
 * Of what one node sends to another, what arrives arrives in the order in which it was sent.
 */
export interface Link {
  readonly node: string;
  /**
   * Rejects with a `LinkError`: NODE_UNREACHABLE where it certainly did not arrive, LINK_TIMEOUT where nobody knows, LINK_FULL
   * where too much waits already, and the other node's own code where it refused.
   */
  request(node: string, what: string, body: unknown, timeoutMs: number): Promise<unknown>;
  /** Without an answer; lost in silence where the node cannot be reached. */
  tell(node: string, what: string, body: unknown): void;
  /** As `tell`, to every other node that is known. */
  announce(what: string, body: unknown): void;
  /** Who answers requests of this name. `body` comes from another node of the same version or the next: parse it. */
  serve(what: string, answer: (body: unknown, from: string) => unknown): void;
  /** The other nodes that can be reached now, as far as is known. */
  readonly nodes: readonly string[];
  readonly state: LinkState;
  /** Resolves when this node is connected; the others know of it a second later. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface LinkState {
  readonly connected: boolean;
  /** Why not, or how it is. */
  readonly detail: string;
  /** It is connected, and yet not everything can come through; for people. */
  readonly trouble?: string;
  readonly sinceMs: number;
}

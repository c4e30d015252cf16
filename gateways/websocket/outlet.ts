/**
 * A client as the lanes see it: something that takes frames and says when it cannot keep up. Nothing is queued for it beyond
 * what it has accepted; who finds it congested keeps a position instead and goes on from there later.
 */
export interface Outlet {
  /** More is waiting in its socket than it should be made to swallow. Sending is possible and must be avoided. */
  readonly congested: boolean;
  /**
   * Sends `{"seq":n,<head><body>}`. `body` may be shared between clients: serialised once, copied by each.
   *
   * @param head members of the frame, ending where `body` begins: `"op":"delta","sub":"a","items":`
   */
  frame(head: string, body?: Uint8Array): void;
}

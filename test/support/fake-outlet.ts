import type { Outlet } from '../../gateways/websocket/outlet.ts';

/** A client on paper: keeps what it was sent, and is congested when the test says so or after so many frames. */
export class FakeOutlet implements Outlet {
  readonly frames: Record<string, unknown>[] = [];
  /** Frames that it takes until it is congested. */
  room = Number.POSITIVE_INFINITY;

  get congested(): boolean {
    return this.room <= 0;
  }

  frame(head: string, body?: Uint8Array): void {
    this.room--;
    this.frames.push(JSON.parse(`{${head}${body === undefined ? '' : Buffer.from(body).toString()}}`));
  }

  /** What came in frames of one kind, in order. */
  all(op: string, member: 'items' | 'events'): unknown[] {
    return this.frames.filter((frame) => frame.op === op).flatMap((frame) => frame[member]);
  }
}

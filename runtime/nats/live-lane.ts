import type { Subscription as NatsSubscription } from 'nats';
import { codeOf } from '../errors.ts';
import type { Group } from '../live-bus.ts';
import { EVERY_GROUP, type LaneState, type LiveLane } from '../live-lane.ts';
import type { NatsLink } from './connection.ts';

/** Far below what a server allows by default, so that one frame does not hold up others for long. */
const MAX_FRAME_BYTES = 256 * 1024;
/** More on its way than this, unconfirmed by the server, and the lane is closed until it is through. */
const MAX_UNCONFIRMED_BYTES = 4 * 1024 * 1024;

/**
 * The live lane on NATS: core subjects, without storage. The connection is of its own and has no echo, so that nothing of the
 * log waits behind it and no node decodes what it said itself.
 */
export class NatsLiveLane implements LiveLane {
  readonly #link: NatsLink;
  readonly #prefix: string;
  readonly #listeners = new Set<() => void>();
  #unconfirmedBytes = 0;
  #confirming = false;

  /** @param cell name of the cell, a part of the subjects */
  constructor(link: NatsLink, cell: string) {
    this.#link = link;
    this.#prefix = `signalbox.${tokenOf(cell)}.live`;
    link.onChange(({ state }) => {
      if (state !== 'connected') return;
      this.#unconfirmedBytes = 0;
      this.#opened();
    });
  }

  get maxFrameBytes(): number {
    return Math.min(MAX_FRAME_BYTES, this.#link.connection.info?.max_payload ?? MAX_FRAME_BYTES);
  }

  get open(): boolean {
    return this.#link.connected && this.#unconfirmedBytes < MAX_UNCONFIRMED_BYTES;
  }

  get state(): LaneState {
    const { trouble, servers, connected } = this.#link;
    return { connected, detail: trouble ?? `NATS at ${servers}` };
  }

  publish(group: Group, frame: Uint8Array): void {
    if (!this.#link.connected) return;
    try {
      this.#link.connection.publish(this.#subjectOf(group), frame);
    } catch (error) {
      // Between the loss of the connection and its notice; what is lost is found by its number.
      if (codeOf(error) === undefined) throw error;
      return;
    }
    this.#unconfirmedBytes += frame.byteLength;
    if (!this.#confirming && this.#unconfirmedBytes > MAX_UNCONFIRMED_BYTES / 2) void this.#confirm();
  }

  follow(group: Group, take: (frame: Uint8Array) => void): () => void {
    const subject = group === EVERY_GROUP ? `${this.#prefix}.*` : this.#subjectOf(group);
    const subscription: NatsSubscription = this.#link.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) take(message.data);
      },
    });
    return () => subscription.unsubscribe();
  }

  onOpen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await this.#link.close();
  }

  /** A round trip: the server has taken what was sent before it. */
  async #confirm(): Promise<void> {
    this.#confirming = true;
    const bytes = this.#unconfirmedBytes;
    try {
      await this.#link.connection.flush();
    } catch {
      // The connection is lost, and with it what was on its way.
    }
    this.#confirming = false;
    this.#unconfirmedBytes = Math.max(0, this.#unconfirmedBytes - bytes);
    if (this.open) this.#opened();
  }

  #opened(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #subjectOf(group: Group): string {
    return `${this.#prefix}.${tokenOf(group)}`;
  }
}

/** Names have dots, which divide the tokens of a subject; no name has an equals sign. */
function tokenOf(name: string): string {
  return name.replaceAll('.', '=');
}

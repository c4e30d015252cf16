import type { NotificationMessage, PublishResponse } from 'node-opcua-client';
import { faultOf, OpcUaFault } from './errors.ts';

/** What survives of a subscription when its channel is lost. */
export interface SubscriptionState {
  readonly id: number;
  /** Null until the first message: it takes whatever number the server starts with. */
  nextSequence: number | null;
  /** Processed and not yet told to the server. */
  unacknowledged: number[];
}

/** The two services the publisher needs. Rejections carry the status in their message. */
export interface PublishPort {
  publish(acknowledge: readonly number[], subscriptionId: number, timeoutMs: number): Promise<PublishResponse>;
  /** Null: the server no longer has that message. */
  republish(subscriptionId: number, sequence: number): Promise<NotificationMessage | null>;
}

export interface PublisherOptions {
  readonly port: PublishPort;
  readonly state: SubscriptionState;
  /** Longest silence of the subscription that is in order: publishing interval times keep-alive count. */
  readonly keepAliveMs: number;
  /** Notifications that may wait for the log before the server gets no further publish request. */
  readonly maxWaiting: number;
  /** Delivers one message, empty for a keep-alive, with the server's time when it sent it; resolves once the log has it. */
  readonly deliver: (message: NotificationMessage, sentAtMs: number | null) => Promise<void>;
  /** Messages that the server has dropped before we could get them. */
  readonly onGap: (missing: number) => void;
}

const REQUESTS_IN_FLIGHT = 2;
const MAX_UNACKNOWLEDGED = 1000;

/**
 * Keeps publish requests at the server and the messages in sequence (OPC 10000-4, 5.14.5 and 6.7): a message out of turn
 * makes it fetch the missing ones by Republish first, and a message is acknowledged only once the log has it, so that after a
 * loss of the channel the server still holds whatever we had not recorded.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #end: (fault: OpcUaFault) => void;
  #inFlight = 0;
  #maxInFlight = REQUESTS_IN_FLIGHT;
  #waiting = 0;
  /** No publish request may leave before the Republish loop is through: its answer would be mixed up with them. */
  #started = false;
  #stopped = false;
  /** Responses are handled one after the other, also while a Republish is awaited. */
  #turn: Promise<void> = Promise.resolve();

  /** Resolves with `subscription_lost`, `session_lost`, … when publishing cannot go on. */
  readonly ended: Promise<OpcUaFault>;

  constructor(options: PublisherOptions) {
    this.#options = options;
    let end: (fault: OpcUaFault) => void = () => undefined;
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    this.#end = end;
  }

  start(): void {
    this.#started = true;
    this.#replenish();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** True while the log is so slow that the server gets no publish requests. */
  get starved(): boolean {
    return this.#waiting >= this.#options.maxWaiting;
  }

  get waiting(): number {
    return this.#waiting;
  }

  #replenish(): void {
    while (this.#started && !this.#stopped && this.#inFlight < this.#maxInFlight && !this.starved) this.#send();
  }

  #send(): void {
    const { port, state, keepAliveMs } = this.#options;
    this.#inFlight += 1;
    const acknowledge = state.unacknowledged.splice(0);
    // The server answers requests in turn: the last of n may rest for n keep-alive periods.
    const timeoutMs = keepAliveMs * (this.#inFlight + 1) + 5000;
    port.publish(acknowledge, state.id, timeoutMs).then(
      (response) => {
        this.#inFlight -= 1;
        this.#turn = this.#turn.then(() => this.#handle(response)).catch((error: unknown) => this.#fail(error));
        this.#replenish();
      },
      (error: unknown) => {
        this.#inFlight -= 1;
        // They were not heard; the server keeps those messages until they are.
        for (const sequence of acknowledge) this.#acknowledge(sequence);
        this.#refused(error);
      },
    );
  }

  #refused(error: unknown): void {
    if (this.#stopped) return;
    const message = error instanceof Error ? error.message : String(error);
    if (/BadTooManyPublishRequests/.test(message)) {
      this.#maxInFlight = Math.max(1, this.#inFlight);
      if (this.#inFlight === 0) this.#fail(error);
      return;
    }
    if (/BadTimeout/.test(message)) {
      this.#replenish();
      return;
    }
    this.#fail(error);
  }

  async #handle(response: PublishResponse): Promise<void> {
    if (this.#stopped) return;
    const { state } = this.#options;
    if (response.subscriptionId !== state.id) return;
    const message = response.notificationMessage;
    const sequence = message.sequenceNumber;
    const isKeepAlive = (message.notificationData?.length ?? 0) === 0;
    const expected = state.nextSequence ?? firstSequence(response);
    if (sequence !== expected && isBefore(expected, sequence)) await this.#fetchMissing(expected, sequence);
    if (this.#stopped) return;
    if (isKeepAlive) {
      // Its number is that of the next message to come (5.14.1.1): nothing to acknowledge.
      state.nextSequence = sequence;
      this.#deliver(message, sentAtMs(response), false);
    } else if (isBefore(sequence, expected)) {
      this.#acknowledge(sequence);
    } else {
      this.#deliverNotification(message, sentAtMs(response));
    }
  }

  /** Fetches messages we have a number for and never got. */
  async #fetchMissing(from: number, to: number): Promise<void> {
    let lost = 0;
    for (let sequence = from; sequence !== to; sequence = nextSequence(sequence)) {
      const message = await this.#options.port.republish(this.#options.state.id, sequence);
      if (message === null) {
        lost += distance(sequence, to);
        break;
      }
      this.#deliverNotification(message);
    }
    if (lost > 0) this.#options.onGap(lost);
  }

  /**
   * After the same session was resumed: fetches message by message from the next number on until the server says there is no
   * more (6.7), before the first publish request makes it send new ones.
   */
  async republishAll(): Promise<number> {
    const { state, port } = this.#options;
    let count = 0;
    while (!this.#stopped) {
      const message = await port.republish(state.id, state.nextSequence ?? 1);
      if (message === null) return count;
      this.#deliverNotification(message);
      count += 1;
    }
    return count;
  }

  #deliverNotification(message: NotificationMessage, sentMs: number | null = timeOf(message.publishTime)): void {
    const { state } = this.#options;
    // Had already: given twice it would put old values after new ones.
    if (state.nextSequence !== null && isBefore(message.sequenceNumber, state.nextSequence)) return;
    state.nextSequence = nextSequence(message.sequenceNumber);
    this.#deliver(message, sentMs, true);
  }

  /** Not awaited: the log takes notifications in parallel, up to `maxWaiting`. */
  #deliver(message: NotificationMessage, sentMs: number | null, acknowledge: boolean): void {
    this.#waiting += 1;
    this.#options.deliver(message, sentMs).then(
      () => {
        this.#waiting -= 1;
        if (acknowledge) this.#acknowledge(message.sequenceNumber);
        this.#replenish();
      },
      (error: unknown) => {
        this.#waiting -= 1;
        this.#fail(error);
      },
    );
  }

  #acknowledge(sequence: number): void {
    const { unacknowledged } = this.#options.state;
    if (unacknowledged.length < MAX_UNACKNOWLEDGED) unacknowledged.push(sequence);
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#end(error instanceof OpcUaFault ? error : faultOf(error));
  }
}

/** Where counting starts when nothing was received yet: at 1, if the server still has that message or has just sent it. */
function firstSequence(response: PublishResponse): number {
  return (response.availableSequenceNumbers ?? []).includes(1) ? 1 : response.notificationMessage.sequenceNumber;
}

/** Numbers run from 1 to 2^32 - 1 and start again at 1 (OPC 10000-4, 7.25). */
export function nextSequence(sequence: number): number {
  return sequence >= 0xffff_ffff ? 1 : sequence + 1;
}

/** Whether a comes before b, over the wrap. */
export function isBefore(a: number, b: number): boolean {
  return a !== b && (b - a) >>> 0 < 0x8000_0000;
}

function distance(from: number, to: number): number {
  return (to - from) >>> 0;
}

/** A keep-alive need not carry a publish time (node-opcua sends the year 1601): then that of the response holds. */
function sentAtMs(response: PublishResponse): number | null {
  return timeOf(response.notificationMessage.publishTime) ?? timeOf(response.responseHeader.timestamp);
}

function timeOf(time: Date | null | undefined): number | null {
  const ms = time?.getTime() ?? 0;
  return ms > 0 ? ms : null;
}

/** A client that was cut off comes back within a second or two; after so long it is gone. Below the shortest silence of a device. */
const GONE_AFTER_MS = 2500;

/** What there is to say of clients that went and did not come back. */
export type Departure =
  | { readonly kind: 'some'; readonly devices: readonly string[] }
  /** Nobody who speaks for a device is left. */
  | { readonly kind: 'all' };

/**
 * Who at our own broker speaks for which device. That its client is gone is known at once, where its silence would take its time to
 * tell. It counts only for clients that stay between two messages: one that connects for each of them goes every time, and is
 * no less well for it.
 */
export class Senders {
  readonly #intervalMs: (device: string) => number;
  readonly #connected = new Map<string, { readonly sinceMs: number; readonly devices: Set<string> }>();
  readonly #leaving = new Map<string, { readonly goneMs: number; readonly devices: Set<string> }>();
  /** Who spoke for a device last. */
  readonly #speakerOf = new Map<string, string>();

  /** @param intervalMs expected between two messages of a device */
  constructor(intervalMs: (device: string) => number) {
    this.#intervalMs = intervalMs;
  }

  connected(client: string, nowMs: number): void {
    this.#connected.set(client, { sinceMs: nowMs, devices: new Set() });
  }

  spoke(client: string, device: string): void {
    this.#connected.get(client)?.devices.add(device);
    this.#speakerOf.set(device, client);
    for (const [gone, { devices }] of this.#leaving)
      if (devices.delete(device) && devices.size === 0) this.#leaving.delete(gone);
  }

  gone(client: string, nowMs: number): void {
    const session = this.#connected.get(client);
    this.#connected.delete(client);
    if (session === undefined) return;
    const stayedMs = nowMs - session.sinceMs;
    const left = [...session.devices].filter(
      (device) => this.#speakerOf.get(device) === client && stayedMs >= this.#intervalMs(device),
    );
    if (left.length === 0) return;
    const before = this.#leaving.get(client);
    this.#leaving.set(client, {
      goneMs: before?.goneMs ?? nowMs,
      devices: new Set([...(before?.devices ?? []), ...left]),
    });
  }

  /** It was cut off by us, which says nothing of it. */
  forget(client: string): void {
    this.#connected.delete(client);
  }

  /** Called a few times a second. One that is back has until it goes again to speak. */
  settle(nowMs: number): Departure | null {
    const devices: string[] = [];
    for (const [client, left] of this.#leaving) {
      if (nowMs - left.goneMs < GONE_AFTER_MS || this.#connected.has(client)) continue;
      this.#leaving.delete(client);
      devices.push(...left.devices);
    }
    if (devices.length === 0) return null;
    // Those that went with it a moment later are on their way out for the same cause.
    const isAnybodyLeft = [...this.#connected.values()].some((session) => session.devices.size > 0);
    if (isAnybodyLeft) return { kind: 'some', devices };
    this.#leaving.clear();
    return { kind: 'all' };
  }
}

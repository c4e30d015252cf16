import type { CompiledRule } from '../alarm/evaluate.ts';
import { type Cover, isUndecided, type Loss } from '../alarm/loss.ts';
import type { Suppression } from '../alarm/suppression.ts';
import type { AssetDecided, AssetLive, LinkedDevice } from './state.ts';

/** The cause under which alarms are suppressed while their device is lost. */
export const DEVICE_LOST = 'device_lost';

/**
 * What a device has said of its connection. One that has not been heard since it was introduced has said nothing: that is no
 * loss, and raises no alarm; if it stays silent it will say so itself.
 */
export function reported(decided: AssetDecided, device: string): LinkedDevice | undefined {
  const known = decided.devices.get(device);
  return known?.state === 'unknown' && known.reason === 'not_heard_yet' ? undefined : known;
}

export function isLost(decided: AssetDecided, device: string): boolean {
  const known = reported(decided, device);
  return known !== undefined && known.state !== 'online';
}

/** Since when the device behind a metric is lost, with no other source online that could bring it; null: it is not lost. */
export function lostSinceMs(decided: AssetDecided, live: AssetLive, place: number): number | null {
  return lostBehind(decided, live, place)?.sinceMs ?? null;
}

/** What the device behind a metric that was lost last has said; undefined: none is lost without another source for it. */
function lostBehind(decided: AssetDecided, live: AssetLive, place: number): LinkedDevice | undefined {
  let lost: LinkedDevice | undefined;
  const { slots, slotsBehind } = live.layout;
  for (const index of slotsBehind[place] ?? []) {
    const slot = slots[index];
    if (slot === undefined || !isValid(slot, live.nowMs)) continue;
    const known = reported(decided, slot.device);
    if (known === undefined || known.state === 'online') continue;
    const spared = (slotsBehind[slot.metric] ?? []).some((other) => {
      const candidate = slots[other];
      return candidate !== undefined && isValid(candidate, live.nowMs) && !isLost(decided, candidate.device);
    });
    if (!spared && (lost === undefined || known.sinceMs > lost.sinceMs)) lost = known;
  }
  return lost;
}

/** Why an alarm of this rule is suppressed by design now. */
export function hiddenBy(decided: AssetDecided, live: AssetLive, rule: CompiledRule): Suppression | null {
  if (!rule.rule.suppressWhenDeviceLost || rule.metric < 0 || decided.devices.size === 0) return null;
  const lost = lostBehind(decided, live, rule.metric);
  if (lost === undefined) return null;
  const [own] = live.layout.lostRules;
  const by = lost.cover?.by ?? (own === undefined ? undefined : `${live.holder.id}:${own.rule.id}`);
  return by === undefined ? HIDDEN : { cause: DEVICE_LOST, by };
}

const HIDDEN: Suppression = { cause: DEVICE_LOST };

/** All primary devices online; null without any, or as long as one has not said. */
export function isConnected(decided: AssetDecided, live: AssetLive): boolean | null {
  let connected: boolean | null = null;
  let unheard = false;
  for (const device of primaryDevices(live)) {
    const known = reported(decided, device);
    if (known === undefined) unheard = true;
    else if (known.state !== 'online') return false;
    else connected = true;
  }
  return unheard ? null : connected;
}

/** What `deviceLost` rules go by: the loss of any primary device, and by itself if one of them is lost by itself. */
export function lossOf(decided: AssetDecided, live: AssetLive): Loss {
  let lostSinceMs = Number.NaN;
  let ownSinceMs = Number.NaN;
  let onlineSinceMs = Number.NaN;
  let cover: Cover | null = null;
  let isOpen = false;
  for (const device of primaryDevices(live)) {
    const known = reported(decided, device);
    if (known === undefined) continue;
    if (known.state === 'online') onlineSinceMs = later(onlineSinceMs, known.sinceMs);
    else if (isUndecided(known)) isOpen = true;
    else {
      lostSinceMs = earlier(lostSinceMs, known.sinceMs);
      if (known.cover === undefined) ownSinceMs = earlier(ownSinceMs, known.sinceMs);
      else if (cover === null || known.cover.sinceMs < cover.sinceMs) cover = known.cover;
    }
  }
  const isOnline = Number.isNaN(lostSinceMs) && !isOpen;
  return { lostSinceMs, ownSinceMs, onlineSinceMs: isOnline ? onlineSinceMs : Number.NaN, cover };
}

/** NaN stands for none yet. */
function earlier(firstMs: number, secondMs: number): number {
  return secondMs >= firstMs ? firstMs : secondMs;
}

function later(firstMs: number, secondMs: number): number {
  return secondMs <= firstMs ? firstMs : secondMs;
}

/** Names of the devices that are primary now, each once. */
function primaryDevices({ layout, nowMs }: AssetLive): ReadonlySet<string> {
  const devices = new Set<string>();
  for (const { device, role, validFromMs, validUntilMs } of layout.definition.links) {
    const isNow =
      (validFromMs ?? Number.NEGATIVE_INFINITY) <= nowMs && nowMs < (validUntilMs ?? Number.POSITIVE_INFINITY);
    if (role === 'primary' && isNow) devices.add(device);
  }
  return devices;
}

function isValid({ fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number }, nowMs: number): boolean {
  return fromMs <= nowMs && nowMs < untilMs;
}

import type { CompiledRule } from '../alarm/evaluate.ts';
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
  let sinceMs: number | null = null;
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
    if (!spared) sinceMs = Math.max(sinceMs ?? 0, known.sinceMs);
  }
  return sinceMs;
}

/** Why an alarm of this rule is suppressed by design now. */
export function hiddenBy(decided: AssetDecided, live: AssetLive, rule: CompiledRule): string | null {
  if (!rule.rule.suppressWhenDeviceLost || rule.metric < 0 || decided.devices.size === 0) return null;
  return lostSinceMs(decided, live, rule.metric) === null ? null : DEVICE_LOST;
}

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

/** What `deviceLost` rules go by. It follows from what the devices reported, so it is set again whenever it is asked for. */
export function syncLostTimers(decided: AssetDecided, live: AssetLive): void {
  if (live.layout.lostRules.length === 0) return;
  let onSinceMs = Number.NaN;
  let offSinceMs = Number.NaN;
  for (const device of primaryDevices(live)) {
    const known = reported(decided, device);
    if (known === undefined) continue;
    if (known.state === 'online')
      offSinceMs = Number.isNaN(offSinceMs) ? known.sinceMs : Math.max(offSinceMs, known.sinceMs);
    else onSinceMs = Number.isNaN(onSinceMs) ? known.sinceMs : Math.min(onSinceMs, known.sinceMs);
  }
  const lost = !Number.isNaN(onSinceMs);
  for (const { index } of live.layout.lostRules) {
    live.timers.onSinceMs[index] = onSinceMs;
    live.timers.offSinceMs[index] = lost ? Number.NaN : offSinceMs;
  }
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

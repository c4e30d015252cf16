import { type EntityId, entityId } from '../runtime/ids.ts';
import type { Json } from '../runtime/json.ts';
import type { ConnectionDefinition } from '../topology/plant.ts';
import type { ConnectionReport, Connectivity } from './driver.ts';

/** A start and an order are no loss. */
const NO_LOSS: ReadonlySet<string> = new Set(['connecting', 'stopped']);

export type Tell = (to: EntityId, command: { readonly kind: string; readonly [field: string]: Json }) => void;

/**
 * What a driver says of the connectivity of its devices, on its way to their actors. Where the link itself is down and devices
 * of a site have it in common, one alarm stands for all of theirs: it is told first, and then each device that its loss is no
 * news of its own. When the link is back they are told so; who stays silent then is lost by itself.
 */
export class LinkLoss {
  readonly #tell: Tell;
  readonly #devices: readonly EntityId[];
  readonly #groups: readonly Group[];
  readonly #groupOf = new Map<string, Group>();
  readonly #mayBeCovered: (device: EntityId) => boolean | undefined;
  /** Devices that were told that an alarm stands for theirs. */
  readonly #covered = new Set<EntityId>();
  /** Devices of which it is not known yet, since they are being built. */
  readonly #unclear = new Set<EntityId>();
  #isUp = false;

  /** @param mayBeCovered whether a device was told so by whoever drove it before; undefined where that is to be seen later */
  constructor(
    { devices, groups = [] }: Pick<ConnectionDefinition, 'devices' | 'groups'>,
    tell: Tell,
    mayBeCovered: (device: EntityId) => boolean | undefined = () => true,
  ) {
    this.#tell = tell;
    this.#mayBeCovered = mayBeCovered;
    this.#devices = devices.map(({ id }) => entityId('device', id));
    this.#groups = groups.map(({ id, devices: members }) => {
      const group = { entity: entityId('connection', id), isLost: false };
      for (const device of members) this.#groupOf.set(device, group);
      return group;
    });
  }

  connectivity(device: string, { ofLink, ...connectivity }: Connectivity): void {
    const group = this.#groupOf.get(device);
    const to = entityId('device', device);
    const { state, reason, detail } = connectivity;
    if (group === undefined || ofLink !== true || state === 'online' || NO_LOSS.has(reason)) {
      this.#tell(to, { kind: 'ReportConnectivity', ...connectivity });
      return;
    }
    this.#isUp = false;
    if (!group.isLost) {
      group.isLost = true;
      this.#tell(group.entity, {
        kind: 'ReportLink',
        state: 'lost',
        reason,
        ...(detail !== undefined && { detail: detail.slice(0, 500) }),
      });
    }
    this.#covered.add(to);
    this.#tell(to, { kind: 'ReportConnectivity', ...connectivity, ofLink: group.entity });
  }

  /** Reports come often; only that the link has come up says something here, and who is built since. */
  report({ state }: Pick<ConnectionReport, 'state'>): void {
    const wasUp = this.#isUp;
    this.#isUp = state === 'connected' || state === 'degraded';
    if (!this.#isUp) this.#unclear.clear();
    else if (!wasUp) this.#cameUp();
    // Whom the alarm stood for may be known from before our start alone. Others would take no notice, at the price of a commit
    // each: of thousands of devices that come to a node at once that is most of its work.
    for (const device of this.#unclear) {
      const mayBeCovered = this.#mayBeCovered(device);
      if (mayBeCovered === undefined) continue;
      this.#unclear.delete(device);
      if (mayBeCovered) this.#tell(device, { kind: 'ReportLinkBack' });
    }
  }

  #cameUp(): void {
    for (const group of this.#groups) {
      group.isLost = false;
      this.#tell(group.entity, { kind: 'ReportLink', state: 'up', reason: 'connected' });
    }
    for (const device of this.#devices) {
      if (this.#covered.has(device)) this.#tell(device, { kind: 'ReportLinkBack' });
      else this.#unclear.add(device);
    }
    this.#covered.clear();
  }
}

interface Group {
  readonly entity: EntityId;
  isLost: boolean;
}

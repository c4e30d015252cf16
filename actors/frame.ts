/** GOOD and SUSPECT are forwarded, UNCERTAIN with a warning; BAD goes to the dead letters and never to a sink. */
export type Quality = 'GOOD' | 'SUSPECT' | 'UNCERTAIN' | 'BAD';

export type PointValue = number | string | boolean | null;

/**
 * The readings of one device and scan: the unit in which data moves from the driver to the wall, so that there is never a
 * message per tag. Arrays run in parallel to `points`, which a driver shares between frames of the same layout.
 */
export interface Frame {
  /** When the device says it measured; null when it does not say. Authoritative for analytics. */
  readonly deviceTimeMs: number | null;
  /** When our node received it. */
  readonly gatewayTimeMs: number;
  readonly points: readonly string[];
  /** Engineering values: scaled, clamped, in the point's unit. */
  readonly values: readonly PointValue[];
  /** Null: all GOOD. */
  readonly quality: readonly Quality[] | null;
  /** Why a reading is not GOOD; null: no reason anywhere. */
  readonly reasons: readonly (string | null)[] | null;
  /** Device time per reading where they differ within the scan; null: `deviceTimeMs` holds for all. */
  readonly times: readonly (number | null)[] | null;
  /** Kept back somewhere and delivered late on purpose: for the history, never for live values or alarms. */
  readonly historical?: boolean;
  /**
   * Time of the arrival minus the time that the device gave, where that is not what the frame says: the device's was not credible
   * and `deviceTimeMs` is ours instead, or ours is known to be off.
   */
  readonly skewMs?: number;
}

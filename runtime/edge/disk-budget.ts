/** What may be dropped when the disk gets full, the least important first. */
export interface DropClass {
  readonly name: string;
  /** What dropping it would free, in bytes. */
  readonly bytes: number;
}

export interface DiskUse {
  /** Of all that we keep. */
  readonly usedBytes: number;
  /** What we may use. */
  readonly budgetBytes: number;
  /** Of the whole disk, whoever fills it: a full one stops us like any other. */
  readonly diskBytes: number;
  readonly diskFreeBytes: number;
}

export interface Drop {
  readonly name: string;
  readonly bytes: number;
}

/** EDG-04: it begins above the one and goes on until below the other. */
const BEGIN_ABOVE = 0.9;
const END_BELOW = 0.85;

/** Share of the budget, or of the disk, that is used: the larger of both. */
export function usedShare({ usedBytes, budgetBytes, diskBytes, diskFreeBytes }: DiskUse): number {
  return Math.max(usedBytes / budgetBytes, (diskBytes - diskFreeBytes) / diskBytes);
}

export function isNearlyFull(use: DiskUse): boolean {
  return usedShare(use) > BEGIN_ABOVE;
}

/** What has to go now, class by class; nothing while there is room. */
export function dropsFor(use: DiskUse, classes: readonly DropClass[]): Drop[] {
  if (!isNearlyFull(use)) return [];
  const overBudget = use.usedBytes - use.budgetBytes * END_BELOW;
  const overDisk = use.diskBytes - use.diskFreeBytes - use.diskBytes * END_BELOW;
  let left = Math.ceil(Math.max(overBudget, overDisk));
  const drops: Drop[] = [];
  for (const { name, bytes } of classes) {
    if (left <= 0) break;
    const drop = Math.min(bytes, left);
    if (drop > 0) drops.push({ name, bytes: drop });
    left -= drop;
  }
  return drops;
}

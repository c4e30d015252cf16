import type { Loading } from '../../runtime/live-bus.ts';

interface SnapshotHead {
  /** As JSON. */
  readonly sub: string;
  readonly timeMs: number;
  readonly token: string;
  readonly more: boolean;
  /** What it may be lacking. */
  readonly loading: Loading | undefined;
}

/** The fields of a snapshot frame up to its items, as JSON without the braces. */
export function snapshotHead({ sub, timeMs, token, more, loading }: SnapshotHead): string {
  const lacking = loading === undefined ? '' : `"loading":${JSON.stringify(loading)},`;
  return `"op":"snapshot","sub":${sub},"timeMs":${timeMs},"token":"${token}","more":${more},${lacking}"items":`;
}

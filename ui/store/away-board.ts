import { type Away, awayIn, type Underway, underwayIn } from './away.ts';
import type { Cells } from './cells.ts';
import { Signal } from './signal.ts';

/** One cause, and what of the plant is shown as it was for it. */
export interface AwayGroup extends Away {
  readonly sites: number;
  readonly assets: number;
  readonly devices: number;
}

type Counted = 'sites' | 'assets' | 'devices';
/** Connections and nodes have alarms and take commands, and are no part of the plant that people count. */
type Followed = Counted | 'connections' | 'nodes';
type Directory = Readonly<Record<Followed, Pick<Cells<unknown>, 'ids' | 'beside' | 'revision'>>>;

/** Frames come several times a second while much changes; nobody reads a count faster than that. */
const COUNT_EVERY_MS = 250;

/** How much of the plant nobody speaks for, by cause, and how many commands wait for an edge: for the frame around all pages. */
export class AwayBoard {
  readonly groups = new Signal<readonly AwayGroup[]>([]);
  readonly commands = new Signal(0);
  /** Those of them that are about an alarm, by its id; the oldest first. */
  readonly alarms = new Signal<ReadonlyMap<string, readonly Underway[]>>(new Map());
  readonly #directory: Directory;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(directory: Directory) {
    this.#directory = directory;
    for (const cells of Object.values(directory)) cells.revision.subscribe(() => this.#countSoon());
  }

  /** Of an alarm's holder, as far as the directory knows it. */
  of(entity: string): Away | null {
    const [kind = '', id = ''] = entity.split('/');
    const followed = `${kind}s`;
    return isFollowed(followed) ? awayIn(this.#directory[followed].beside(id, 'away')) : null;
  }

  #countSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.count();
    }, COUNT_EVERY_MS);
  }

  count(): void {
    const groups = new Map<string, AwayGroup>();
    let commands = 0;
    const alarms = new Map<string, Underway[]>();
    for (const of of FOLLOWED) {
      const cells = this.#directory[of];
      for (const id of cells.ids.value) {
        for (const command of underwayIn(cells.beside(id, 'pending'))) {
          commands++;
          if (command.rule === null) continue;
          const alarm = `${KIND[of]}/${id}:${command.rule}`;
          alarms.set(alarm, [...(alarms.get(alarm) ?? []), command]);
        }
        const away = awayIn(cells.beside(id, 'away'));
        if (away === null || !isCounted(of)) continue;
        const cause = `${away.neverHeard ?? ''} ${away.cell ?? ''}`;
        const known = groups.get(cause) ?? { ...away, sites: 0, assets: 0, devices: 0 };
        groups.set(cause, { ...known, sinceMs: Math.min(known.sinceMs, away.sinceMs), [of]: known[of] + 1 });
      }
    }
    this.commands.value = commands;
    if (JSON.stringify([...alarms]) !== JSON.stringify([...this.alarms.value])) this.alarms.value = alarms;
    const next = [...groups.values()].sort((a, b) => a.sinceMs - b.sinceMs);
    if (JSON.stringify(next) !== JSON.stringify(this.groups.value)) this.groups.value = next;
  }
}

const COUNTED: readonly Counted[] = ['sites', 'assets', 'devices'];
const FOLLOWED: readonly Followed[] = [...COUNTED, 'connections', 'nodes'];
const KIND = { sites: 'site', assets: 'asset', devices: 'device', connections: 'connection', nodes: 'node' } as const;

function isCounted(of: string): of is Counted {
  return COUNTED.some((each) => each === of);
}

function isFollowed(of: string): of is Followed {
  return FOLLOWED.some((each) => each === of);
}

/** `1 site, 12 assets and 9 devices` */
export function countInWords({ sites, assets, devices }: Pick<AwayGroup, Counted>): string {
  const parts = [
    ...(sites > 0 ? [`${sites} ${sites === 1 ? 'site' : 'sites'}`] : []),
    ...(assets > 0 ? [`${assets} ${assets === 1 ? 'asset' : 'assets'}`] : []),
    ...(devices > 0 ? [`${devices} ${devices === 1 ? 'device' : 'devices'}`] : []),
  ];
  const last = parts.pop() ?? 'nothing';
  return parts.length === 0 ? last : `${parts.join(', ')} and ${last}`;
}

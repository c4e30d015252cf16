/** Layouts remembered by content; a device with more of them than this works, only slower. */
const REMEMBERED = 2048;

/**
 * What was worked out for a layout of frames (the list of point names), so that it is worked out once. A driver shares one list
 * between its frames; frames that were read from the log bring a list of their own each, found by content.
 */
export class FrameLayouts<Plan> {
  readonly #work: (points: readonly string[]) => Plan;
  readonly #byContent = new Map<string, { readonly points: readonly string[]; readonly plan: Plan }>();
  #newestPoints: readonly string[] = [];
  #newestPlan: Plan | undefined;

  constructor(work: (points: readonly string[]) => Plan) {
    this.#work = work;
  }

  of(points: readonly string[]): Plan {
    if (this.#newestPlan !== undefined && (points === this.#newestPoints || equal(points, this.#newestPoints))) {
      return this.#newestPlan;
    }
    const key = points.join('\n');
    let known = this.#byContent.get(key);
    if (known === undefined) {
      known = { points, plan: this.#work(points) };
      if (this.#byContent.size < REMEMBERED) this.#byContent.set(key, known);
    }
    this.#newestPoints = points;
    this.#newestPlan = known.plan;
    return known.plan;
  }
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

import type { Json } from '../runtime/json.ts';
import { sameJson } from '../runtime/same-json.ts';

/** A device that was built again meanwhile knows nothing of its link until it is told. */
const TELL_ANYWAY_EVERY = 10;

/**
 * What a driver reports of its link each second, on its way to each of its devices. Of a quiet link it says the same every
 * time, and every device that is told is looked at anew: thousands of them would keep a node busy with nothing.
 */
export class LinkNews {
  readonly #tell: (report: Json) => void;
  #told: Json | undefined;
  #passedOver = 0;

  constructor(tell: (report: Json) => void) {
    this.#tell = tell;
  }

  take(report: Json): void {
    const isNews = this.#told === undefined || !sameJson(this.#told, report);
    if (!isNews && ++this.#passedOver < TELL_ANYWAY_EVERY) return;
    this.#told = report;
    this.#passedOver = 0;
    this.#tell(report);
  }
}

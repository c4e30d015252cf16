/**
 * A queue as a value: whoever puts in or takes out gets another one, which shares with this one all but the place that was
 * touched. What was put in stands in reverse until the front is used up, so each value is turned over once.
 */
export interface Queue<T> {
  /** Undefined only where the queue is empty. */
  readonly front: Link<T> | undefined;
  readonly back: Link<T> | undefined;
}

interface Link<T> {
  readonly value: T;
  readonly next: Link<T> | undefined;
}

export const EMPTY: Queue<never> = { front: undefined, back: undefined };

export function putLast<T>({ front, back }: Queue<T>, value: T): Queue<T> {
  return front === undefined
    ? { front: { value, next: undefined }, back: undefined }
    : { front, back: { value, next: back } };
}

export function putFirst<T>({ front, back }: Queue<T>, value: T): Queue<T> {
  return { front: { value, next: front }, back };
}

export function withoutFirst<T>({ front, back }: Queue<T>): Queue<T> {
  return front?.next === undefined ? { front: turned(back), back: undefined } : { front: front.next, back };
}

/** First to last. */
export function* valuesOf<T>({ front, back }: Queue<T>): Generator<T> {
  for (let link = front; link; link = link.next) yield link.value;
  for (let link = turned(back); link; link = link.next) yield link.value;
}

function turned<T>(links: Link<T> | undefined): Link<T> | undefined {
  let front: Link<T> | undefined;
  for (let link = links; link; link = link.next) front = { value: link.value, next: front };
  return front;
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Backlog, type Batch, Forwarder, type Lane, type Place } from '../../../../runtime/edge/forwarder.ts';
import { RateLimit } from '../../../../runtime/edge/rate-limit.ts';
import { ErrorWithCode } from '../../../../runtime/errors.ts';
import { until } from '../../../support/condition.ts';

/** What becomes of a batch on its way. */
type Fate = 'stored' | 'lost' | 'answer lost' | 'stored twice';

interface Numbers extends Batch {
  readonly from: number;
  readonly to: number;
}

/** A history of numbers, and a centre that stores them behind what it has, over a link that does what it is told. */
class Scene implements Lane<Place, Numbers> {
  readonly centre: number[] = [];
  readonly lateness: boolean[] = [];
  end = 0;
  writtenMs = Date.now();
  fates: Fate[] = [];
  learns = 0;
  limit = 7;
  remembered: number | undefined;

  async recall(): Promise<number | undefined> {
    return this.remembered;
  }

  async remember(position: number): Promise<void> {
    this.remembered = position;
  }

  async backlog(after: number): Promise<Backlog> {
    const left = this.end - after;
    return { left, oldestMs: left === 0 ? null : this.writtenMs };
  }

  async learn(): Promise<Place> {
    this.learns++;
    return { position: this.centre.at(-1) ?? 0 };
  }

  async read(after: number): Promise<Numbers | undefined> {
    if (after >= this.end) return undefined;
    const to = Math.min(this.end, after + this.limit);
    const timeMs = this.writtenMs;
    return { from: after + 1, to, bytes: to - after, oldestMs: timeMs, newestMs: timeMs, full: to < this.end };
  }

  async send(at: Place, batch: Numbers, late: boolean): Promise<Place> {
    const fate = this.fates.shift() ?? 'stored';
    if (fate === 'lost') throw new ErrorWithCode('UPLINK_FAILED', 'the link broke before');
    this.#store(at, batch, late);
    if (fate === 'stored twice') assert.throws(() => this.#store(at, batch, late), { code: 'UPLINK_CONFLICT' });
    if (fate === 'answer lost') throw new ErrorWithCode('UPLINK_FAILED', 'the link broke behind');
    return { position: batch.to };
  }

  #store(at: Place, batch: Numbers, late: boolean): void {
    if ((this.centre.at(-1) ?? 0) !== at.position) throw new ErrorWithCode('UPLINK_CONFLICT', 'it is elsewhere');
    for (let n = batch.from; n <= batch.to; n++) this.centre.push(n);
    this.lateness.push(late);
  }
}

const FAST = { gatherMs: 0, minPauseMs: 1, maxPauseMs: 2, random: () => 0 };
const unlimited = () => new RateLimit(1e9);
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test('whatever is lost on the way, and however often the link is cut, the centre has everything once and in order', async () => {
  const fate = fc.constantFrom<Fate>('stored', 'stored', 'lost', 'answer lost', 'stored twice');
  const step = fc.record({ add: fc.integer({ min: 0, max: 20 }), cut: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(fate, { maxLength: 12 }), fc.array(step, { maxLength: 8 }), async (fates, steps) => {
      const scene = new Scene();
      scene.fates = [...fates];
      const forwarder = new Forwarder(scene, { limit: unlimited(), ...FAST });
      forwarder.link(true);
      for (const { add, cut } of steps) {
        scene.end += add;
        forwarder.grown();
        if (cut) forwarder.link(false);
        await new Promise((resolve) => setImmediate(resolve));
        if (cut) forwarder.link(true);
      }
      await until('the centre has all', () => scene.centre.length >= scene.end, 5000);
      await forwarder.stop();
      assert.deepEqual(scene.centre, numbers(scene.end));
    }),
    { numRuns: 100 },
  );
});

test('after a lost answer it asks where the centre is, and not before', async () => {
  const scene = new Scene();
  scene.end = 20;
  scene.fates = ['stored', 'answer lost'];
  const forwarder = new Forwarder(scene, { limit: unlimited(), ...FAST });
  forwarder.link(true);
  await until('all is there', () => forwarder.status.state === 'live' && scene.centre.length === 20);
  assert.equal(scene.learns, 2);
  await forwarder.stop();
});

test('without a link nothing is sent, and it says since when what waits', async () => {
  const scene = new Scene();
  scene.end = 3;
  const forwarder = new Forwarder(scene, { limit: unlimited(), ...FAST });
  forwarder.grown();
  assert.equal(forwarder.status.state, 'unlinked');
  forwarder.link(true);
  await until('it is live', () => forwarder.status.state === 'live' && forwarder.status.position === 3);
  forwarder.link(false);
  scene.end = 5;
  forwarder.grown();
  assert.equal(forwarder.status.state, 'unlinked');
  assert.deepEqual(scene.centre, [1, 2, 3]);
  await forwarder.stop();
});

test('what is old goes late and at the rate that is allowed; what is new goes freely', async () => {
  const scene = new Scene();
  scene.limit = 10;
  scene.end = 40;
  scene.writtenMs = Date.now() - 60_000;
  // 10 numbers at once, 10 that are owed in the end, and the rest at 100 a second.
  const forwarder = new Forwarder(scene, { limit: new RateLimit(100, 10), ...FAST });
  const fromMs = performance.now();
  forwarder.link(true);
  await until('the backlog is there', () => scene.centre.length === 40);
  const tookMs = performance.now() - fromMs;
  assert.ok(tookMs > 190, `${tookMs} ms`);
  assert.deepEqual(scene.lateness, [true, true, true, true]);
  scene.writtenMs = Date.now();
  scene.end = 80;
  forwarder.grown();
  await until('the rest is there', () => scene.centre.length === 80);
  assert.deepEqual(scene.lateness.slice(4), [false, false, false, false]);
  await forwarder.stop();
});

test('a failure that time does not mend is shown with its code, and a new link tries again', async () => {
  const scene = new Scene();
  scene.end = 1;
  let different = true;
  const learn = scene.learn.bind(scene);
  scene.learn = async () => {
    if (different) throw new ErrorWithCode('EDGE_HISTORY_DIFFERS', 'another history', { retryable: false });
    return learn();
  };
  const forwarder = new Forwarder(scene, { limit: unlimited(), ...FAST });
  forwarder.link(true);
  await until('it fails', () => forwarder.status.error?.code === 'EDGE_HISTORY_DIFFERS');
  assert.equal(forwarder.status.state, 'failing');
  different = false;
  forwarder.link(false);
  forwarder.link(true);
  await until('it is live', () => scene.centre.length === 1);
  await forwarder.stop();
});

test('a centre that has come back is tried at once, however long the pause would have been', async () => {
  const scene = new Scene();
  scene.end = 1;
  scene.fates = ['lost'];
  const forwarder = new Forwarder(scene, { limit: unlimited(), ...FAST, minPauseMs: 60_000, maxPauseMs: 60_000 });
  forwarder.link(true);
  await until('it pauses', () => forwarder.status.error?.code === 'UPLINK_FAILED');
  await new Promise((resolve) => setImmediate(resolve));
  forwarder.retry();
  await until('it is live', () => scene.centre.length === 1);
  await forwarder.stop();
});

test('while nobody knows how far the centre is, it is not said to have everything', async () => {
  const scene = new Scene();
  scene.end = 20;
  let tell: (place: Place) => void = () => undefined;
  scene.learn = () => new Promise((resolve) => (tell = resolve));
  const forwarder = new Forwarder(scene, { limit: unlimited(), ...FAST });
  assert.equal(forwarder.status.oldestMs, undefined, 'before there is a link');
  forwarder.link(true);
  await until('it asks', () => forwarder.status.state === 'learning');
  const { oldestMs, left } = forwarder.status;
  assert.deepEqual([oldestMs, left], [undefined, undefined]);
  tell({ position: 0 });
  await until('the centre has all', () => scene.centre.length === 20);
  await until('and that is known', () => forwarder.status.oldestMs === null && forwarder.status.left === 0);
  await forwarder.stop();
});

test('started without a link it says what waits, from where the centre was when it was last heard of', async () => {
  const scene = new Scene();
  scene.end = 20;
  scene.writtenMs = 5000;
  scene.remembered = 12;
  const forwarder = new Forwarder(scene, { limit: unlimited(), ...FAST });
  await until('it has looked', () => forwarder.status.left === 8);
  assert.equal(forwarder.status.oldestMs, 5000);
  assert.equal(forwarder.status.position, 12);
  await forwarder.stop();
});

test('what comes while the link is cut is missing over there from its first moment on', async () => {
  const scene = new Scene();
  const clock = { nowMs: 1000 };
  scene.end = 3;
  scene.writtenMs = 1000;
  const forwarder = new Forwarder(scene, { limit: unlimited(), ...FAST, now: () => clock.nowMs });
  forwarder.link(true);
  await until('the centre has all', () => forwarder.status.oldestMs === null && forwarder.status.left === 0);
  forwarder.link(false);
  await until('it has kept how far the centre is', () => scene.remembered === 3);
  clock.nowMs = scene.writtenMs = 2000;
  scene.end = 10;
  forwarder.grown();
  assert.equal(forwarder.status.oldestMs, 2000);
  clock.nowMs = 9000;
  forwarder.grown();
  assert.equal(forwarder.status.oldestMs, 2000, 'the first of it counts');
  await until('and how much it is', () => forwarder.status.left === 7);
  forwarder.link(true);
  await until('all is there', () => forwarder.status.oldestMs === null && forwarder.status.left === 0);
  assert.deepEqual(scene.centre, numbers(10));
  await forwarder.stop();
});

test('as long as something is on its way it is said to be missing', async () => {
  const scene = new Scene();
  scene.limit = 5;
  const forwarder = new Forwarder(scene, { limit: unlimited(), ...FAST });
  const said: string[] = [];
  const look = () => {
    if (scene.end > scene.centre.length && forwarder.status.oldestMs === null)
      said.push(`${scene.centre.length} of ${scene.end}`);
  };
  const send = scene.send.bind(scene);
  scene.send = async (at, batch, late) => {
    look();
    await new Promise((resolve) => setImmediate(resolve));
    // Something comes while the batch is under way.
    if (scene.end < 100) {
      scene.end += 3;
      forwarder.grown();
    }
    look();
    return send(at, batch, late);
  };
  forwarder.link(true);
  await until('it is live', () => forwarder.status.oldestMs === null);
  scene.end = 10;
  forwarder.grown();
  await until('all is there', () => {
    look();
    return scene.end >= 100 && scene.centre.length === scene.end;
  });
  assert.deepEqual(said, []);
  await forwarder.stop();
});

test('what goes late is taken from the lane that gives way, too, without waiting for it', async () => {
  const scene = new Scene();
  scene.limit = 10;
  scene.end = 40;
  scene.writtenMs = Date.now() - 60_000;
  const other = new RateLimit(1, 30);
  const forwarder = new Forwarder(scene, { limit: unlimited(), alsoFrom: other, ...FAST });
  assert.equal(other.waitMs(Date.now()), 0);
  forwarder.link(true);
  await until('the backlog is there', () => scene.centre.length === 40);
  assert.ok(other.waitMs(Date.now()) > 5000, 'the other lane waits for what this one had');
  await forwarder.stop();
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CentreClock, type Instant } from '../../../../runtime/edge/centre-clock.ts';

const AHEAD_MS = 7200;

/** This machine: both of its clocks run, until one of them does not. */
class Machine {
  trueMs = 1e12;
  setMs = 0;
  asleepMs = 0;

  get instant(): Instant {
    return { wallMs: this.trueMs + this.setMs, monoMs: this.trueMs - 1e12 - this.asleepMs };
  }

  get centreMs(): number {
    return this.trueMs + AHEAD_MS;
  }

  ask(clock: CentreClock, thereMs: number, backMs: number): void {
    const asked = this.instant;
    this.trueMs += thereMs;
    const receivedMs = this.centreMs;
    this.trueMs += backMs;
    clock.add({ asked, receivedMs, answeredMs: receivedMs, heard: this.instant });
  }
}

const delay = fc.integer({ min: 0, max: 3000 });

test('it is never earlier at the centre than it is said to be at the latest, and later by no more than a round trip', () => {
  const pass = fc.record({ there: delay, back: delay, pause: delay });
  fc.assert(
    fc.property(fc.array(pass, { minLength: 1, maxLength: 12 }), (passes) => {
      const [clock, machine] = [new CentreClock(), new Machine()];
      for (const { there, back, pause } of passes) {
        machine.ask(clock, there, back);
        machine.trueMs += pause;
        const latestMs = clock.latestMs(machine.instant) ?? Number.NaN;
        assert.ok(latestMs >= machine.centreMs - 1e-3);
        assert.ok(latestMs <= machine.centreMs + (clock.offset?.roundTripMs ?? 0) + 1e-3);
      }
    }),
  );
});

test('a wall clock that is set back, and a machine that was suspended, do not make it earlier', () => {
  for (const happens of [
    (machine: Machine) => (machine.setMs -= 60_000),
    (machine: Machine) => (machine.asleepMs += 60_000),
  ]) {
    const [clock, machine] = [new CentreClock(), new Machine()];
    machine.ask(clock, 5, 5);
    machine.trueMs += 60_000;
    happens(machine);
    assert.ok((clock.latestMs(machine.instant) ?? 0) >= machine.centreMs - 1e-3);
  }
});

test('before anybody has answered, and after a cut, nothing is known', () => {
  const [clock, machine] = [new CentreClock(), new Machine()];
  assert.equal(clock.latestMs(machine.instant), undefined);
  machine.ask(clock, 5, 5);
  assert.equal(clock.offset?.offsetMs, AHEAD_MS);
  clock.forget();
  assert.equal(clock.latestMs(machine.instant), undefined);
});

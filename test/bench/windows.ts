/**
 * Cost of one reading in the windows of its metric. Method: 20,000 metrics with a reading a second each, windows of 1 s,
 * 1 min and 1 h, closed once a second as an asset does; time per reading includes merging and closing.
 */
import { addReading, closeWindows, createWindows } from '../../actors/window.ts';

const METRICS = 20_000;
const SECONDS = 100;
for (const perSecond of [1, 10]) {
  const all = Array.from({ length: METRICS / perSecond }, () => createWindows());
  const before = process.memoryUsage().heapUsed;
  let inAddMs = 0;
  let closed = 0;
  const startedMs = performance.now();
  for (let second = 0; second < SECONDS; second++) {
    const fromMs = performance.now();
    for (let part = 0; part < perSecond; part++) {
      const timeMs = second * 1000 + (part * 1000) / perSecond;
      for (const windows of all) addReading(windows, timeMs, 20 + Math.random(), 'GOOD');
    }
    inAddMs += performance.now() - fromMs;
    for (const windows of all) closed += closeWindows(windows, second * 1000 + 999).length;
  }
  const readings = METRICS * SECONDS;
  const totalMs = performance.now() - startedMs;
  console.log(
    `${perSecond} readings/s: addReading ${((inAddMs * 1e6) / readings).toFixed(0)} ns, with closing ${((totalMs * 1e6) / readings).toFixed(0)} ns, ` +
      `${closed} windows, ${((process.memoryUsage().heapUsed - before) / all.length / 1024).toFixed(1)} KB a metric`,
  );
}

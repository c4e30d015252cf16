import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatAge,
  formatBoth,
  formatDate,
  formatMoment,
  formatNumber,
  formatOffset,
  formatStamp,
  formatTime,
  formatValue,
  instantAt,
  knownZone,
  shortOffset,
  words,
} from '../../../../ui/store/format.ts';

const T = Date.UTC(2026, 0, 15, 23, 30, 5);

test('numbers keep their decimals, are grouped from five digits on and have a true minus', () => {
  assert.equal(formatNumber(1240.5, 1), '1240.5');
  assert.equal(formatNumber(1_234_567.891, 2), '1\u202f234\u202f567.89');
  assert.equal(formatNumber(-3.14, 1), '\u22123.1');
  assert.equal(formatNumber(-0.04, 1), '0.0', 'no negative zero');
  assert.equal(formatNumber(Number.NaN), '—');
});

test('no value is a dash, never a zero', () => {
  assert.equal(formatValue(null), '—');
  assert.equal(formatValue(undefined), '—');
  assert.equal(formatValue(0, 0), '0');
  assert.equal(formatValue(true), 'ON');
});

test('ages are read at a glance', () => {
  assert.deepEqual([0, 59_999, 60_000, 3_900_000, 100_000_000].map(formatAge), [
    '0 s',
    '59 s',
    '1 min',
    '1 h 05 min',
    '1 d 3 h',
  ]);
  assert.equal(formatAge(-500), '0 s', 'a clock a little ahead is not a negative age');
});

test('an instant is shown in the zone of its site, with the offset', () => {
  assert.equal(formatTime(T, 'Asia/Kolkata'), '05:00:05');
  assert.equal(formatDate(T, 'Asia/Kolkata'), '2026-01-16');
  assert.equal(formatOffset(T, 'Asia/Kolkata'), 'UTC+05:30');
  assert.equal(formatOffset(T, 'America/New_York'), 'UTC\u221205:00');
  assert.match(formatBoth(T, 'Europe/Berlin'), /^2026-01-16 00:30:05 UTC\+01:00 · 2026-01-15T23:30:05\.000Z$/);
});

test('the date is added where it is not today there', () => {
  assert.equal(formatMoment(T, 'UTC', T + 1000), '23:30:05');
  assert.equal(formatMoment(T, 'UTC', T + 86_400_000), '01-15 23:30:05');
});

test('a zone the browser does not know falls back to UTC', () => {
  assert.equal(knownZone('Europe/Berlin'), 'Europe/Berlin');
  assert.equal(knownZone('Mars/Olympus'), 'UTC');
});

test('an offset beside a time is short, and there is always one', () => {
  assert.equal(shortOffset(T, 'Asia/Kolkata'), '+05:30');
  assert.equal(shortOffset(T, 'UTC'), '+00:00');
});

test('a reading is dated to the thousandth', () => {
  assert.equal(formatStamp(T + 41, 'Europe/Berlin'), '2026-01-16 00:30:05.041 UTC+01:00');
});

test('the year is added where it is another', () => {
  assert.equal(formatMoment(T, 'UTC', T + 400 * 86_400_000), '2026-01-15 23:30:05');
});

test('a local time becomes the instant at which clocks of the zone show it, in summer and in winter', () => {
  assert.equal(instantAt('2026-01-16T00:30', 'Europe/Berlin'), Date.UTC(2026, 0, 15, 23, 30));
  assert.equal(instantAt('2026-07-16T00:30', 'Europe/Berlin'), Date.UTC(2026, 6, 15, 22, 30));
  assert.equal(instantAt('2026-12-01T08:00', 'Asia/Kolkata'), Date.UTC(2026, 11, 1, 2, 30));
});

test('a local time that comes twice is the first of both, one that never comes is an hour later', () => {
  assert.equal(instantAt('2026-10-25T02:30', 'Europe/Berlin'), Date.UTC(2026, 9, 25, 0, 30));
  assert.equal(instantAt('2026-03-29T02:30', 'Europe/Berlin'), Date.UTC(2026, 2, 29, 1, 30));
  assert.ok(Number.isNaN(instantAt('', 'Europe/Berlin')));
});

test('codes become words', () => {
  assert.equal(words('mqtt_broker_unavailable'), 'MQTT broker unavailable');
  assert.equal(words('NOT_ALLOWED'), 'not allowed');
  assert.equal(words('devicesOffline'), 'devices offline');
  assert.equal(words('in_progress'), 'in progress');
  assert.equal(words('AlarmCannotEvaluate'), 'Alarm cannot evaluate');
});

import { words } from './format.ts';

/** Codes of quality rules and of connectivity that say too little by themselves; a driver's own are shown as they are, in words. */
const REASONS: Readonly<Record<string, string>> = {
  stale: 'no new reading within twice its interval',
  frozen: 'arrives, but has not moved for too long',
  input: 'an input is not good',
  no_input: 'no input has a value',
  partial_input: 'some of its inputs are missing',
  range: 'outside of the possible range',
  rate: 'changed faster than it can',
  device_lost: 'its device is lost',
  no_device_time: 'came without a time of its own',
  future_time: 'dated in the future',
  gateway_clock: 'timed by the clock of the node, which is off',
  wrong_type: 'not of the type of the point',
  data: 'readings arrive',
  silent: 'no readings arrive',
  last_will: 'its last will came',
  link_back: 'not heard since its link is back',
};

export function reasonWords(code: string): string {
  return REASONS[code] ?? words(code);
}

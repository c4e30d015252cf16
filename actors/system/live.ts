import type { Self } from '../../runtime/actor-kind.ts';
import { AlarmViews } from '../alarm/book.ts';
import { createTimers } from '../alarm/evaluate.ts';
import { linkLostRule } from './link-lost.ts';
import type { SystemDefinition, SystemLive, SystemState } from './state.ts';

export function initialSystem(self: Self<SystemDefinition>): SystemState {
  return { decided: { alarms: new Map(), certificates: [], link: null }, live: createLive(self) };
}

export function createLive({ id, definition }: Self<SystemDefinition>): SystemLive {
  const { name, site, timeZone, group } = definition;
  const linkRule = group === null ? null : linkLostRule(group);
  const rules = linkRule === null ? definition.rules : [...definition.rules, linkRule.rule];
  const alarmViews = new AlarmViews();
  const timers = createTimers(1);
  return { holder: { id, site, rules }, rules, owner: { name, timeZone }, alarmViews, linkRule, timers, clock: {} };
}

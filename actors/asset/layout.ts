import type { EntityId } from '../../runtime/ids.ts';
import { entityId } from '../../runtime/ids.ts';
import { directSource } from '../../topology/direct-source.ts';
import type { AssetDefinition } from '../../topology/plant.ts';
import type { Metric } from '../../topology/schema/asset.ts';
import type { Rule } from '../../topology/schema/rule.ts';
import { type CompiledRule, compileRule } from '../alarm/evaluate.ts';
import { type CompiledFormula, compileFormula } from '../formula.ts';
import { CLOCK_TOLERANCE_MS } from '../quality/judge.ts';

/**
 * What a definition means for the hot path, worked out once: names become places in arrays. A `slot` is one point of one device
 * that feeds one metric; several may feed the same one, by rank.
 */
export interface AssetLayout {
  readonly definition: AssetDefinition;
  readonly metrics: readonly Metric[];
  readonly placeOf: ReadonlyMap<string, number>;
  readonly slots: readonly Slot[];
  readonly slotsOf: ReadonlyMap<EntityId, ReadonlyMap<string, readonly number[]>>;
  /** In the order in which they can be computed. */
  readonly formulas: readonly FormulaPlan[];
  readonly rollUps: readonly RollUpPlan[];
  /** Metrics that depend on the children: roll-ups, and formulas over them. */
  readonly rolledUp: readonly number[];
  /** Also those that are switched off. */
  readonly allRules: readonly Rule[];
  readonly rules: readonly CompiledRule[];
  readonly ruleIds: readonly string[];
  /** By place of the metric. */
  readonly rulesOf: readonly (readonly CompiledRule[])[];
  /** Rules on the connection to the primary devices. */
  readonly lostRules: readonly CompiledRule[];
  readonly ruleById: ReadonlyMap<string, CompiledRule>;
  /** By place: how long without a reading before the value is stale; infinite for roll-ups. */
  readonly staleAfterMs: Float64Array;
  /** By place: 1 where only the asset knows the values, 0 where they are those of one point, whose history has them. */
  readonly isComputed: Uint8Array;
  /** By place: the slots that it depends on, through formulas. */
  readonly slotsBehind: readonly (readonly number[])[];
}

export interface Slot {
  readonly key: string;
  readonly device: string;
  readonly point: string;
  readonly metric: number;
  readonly scale: number;
  readonly offset: number;
  readonly fromMs: number;
  readonly untilMs: number;
  /** 0 primary, 1 backup, 2 secondary: a higher one steps in only where the lower ones have nothing fresh. */
  readonly rank: number;
  readonly staleAfterMs: number;
  /** A reading that is older than this when it arrives is no news of the plant: it is for the history. */
  readonly lateAfterMs: number;
}

export interface FormulaPlan {
  readonly metric: number;
  readonly formula: CompiledFormula;
  readonly inputs: readonly number[];
}

export interface RollUpPlan {
  readonly metric: number;
  readonly of: string;
  readonly function: 'sum' | 'avg' | 'min' | 'max' | 'count';
}

const RANKS = { primary: 0, backup: 1, secondary: 2 } as const;

const layouts = new WeakMap<AssetDefinition, AssetLayout>();

/** @param rules all that hold for the asset: those of its definition, and others that it has adopted */
export function layoutOf(definition: AssetDefinition, rules: readonly Rule[] = definition.rules): AssetLayout {
  if (rules !== definition.rules) return compile(definition, rules);
  let layout = layouts.get(definition);
  if (layout === undefined) {
    layout = compile(definition, rules);
    layouts.set(definition, layout);
  }
  return layout;
}

function compile(definition: AssetDefinition, allRules: readonly Rule[]): AssetLayout {
  const { metrics } = definition;
  const placeOf = new Map(metrics.map((metric, place) => [metric.name, place]));
  const slots = slotsFor(definition, placeOf);
  const formulas = formulasFor(metrics, placeOf);
  const rules = rulesFor(definition, allRules, placeOf);
  return {
    definition,
    metrics,
    placeOf,
    slots,
    slotsOf: slotsByPoint(slots),
    formulas,
    rollUps: metrics.flatMap(({ rollUp }, metric) =>
      rollUp ? [{ metric, of: rollUp.of, function: rollUp.function }] : [],
    ),
    rolledUp: rolledUp(metrics, formulas),
    allRules,
    rules,
    ruleIds: rules.map(({ rule }) => rule.id),
    rulesOf: metrics.map((_, place) => rules.filter((rule) => rule.metric === place)),
    lostRules: rules.filter((rule) => rule.condition === null),
    ruleById: new Map(rules.map((rule) => [rule.rule.id, rule])),
    staleAfterMs: staleTimes(metrics, slots, formulas),
    isComputed: Uint8Array.from(metrics, ({ name }) => (directSource(definition, name) === null ? 1 : 0)),
    slotsBehind: slotsBehind(metrics.length, slots, formulas),
  };
}

function slotsFor(definition: AssetDefinition, placeOf: ReadonlyMap<string, number>): Slot[] {
  return definition.links.flatMap((link) =>
    link.mappings.flatMap(({ metric, point, scale, offset, staleAfterMs }) => {
      const place = placeOf.get(metric);
      if (place === undefined) return [];
      return [
        {
          key: `${link.device}/${point}/${metric}`,
          device: link.device,
          point,
          metric: place,
          scale,
          offset,
          fromMs: link.validFromMs ?? Number.NEGATIVE_INFINITY,
          untilMs: link.validUntilMs ?? Number.POSITIVE_INFINITY,
          rank: RANKS[link.role],
          staleAfterMs,
          lateAfterMs: Math.max(definition.metrics[place]?.staleAfterMs ?? staleAfterMs, CLOCK_TOLERANCE_MS),
        },
      ];
    }),
  );
}

function slotsByPoint(slots: readonly Slot[]): Map<EntityId, Map<string, number[]>> {
  const byDevice = new Map<EntityId, Map<string, number[]>>();
  slots.forEach(({ device, point }, index) => {
    const id = entityId('device', device);
    const byPoint = byDevice.get(id) ?? new Map<string, number[]>();
    byDevice.set(id, byPoint);
    byPoint.set(point, [...(byPoint.get(point) ?? []), index]);
  });
  return byDevice;
}

function formulasFor(metrics: readonly Metric[], placeOf: ReadonlyMap<string, number>): FormulaPlan[] {
  const plans = new Map<number, FormulaPlan>();
  metrics.forEach(({ formula: text }, metric) => {
    if (text === undefined) return;
    const formula = compileFormula(text);
    const inputs = formula.identifiers.flatMap((name) => placeOf.get(name) ?? []);
    plans.set(metric, { metric, formula, inputs });
  });
  const ordered: FormulaPlan[] = [];
  const seen = new Set<number>();
  const visit = (plan: FormulaPlan) => {
    if (seen.has(plan.metric)) return;
    seen.add(plan.metric);
    for (const input of plan.inputs) {
      const before = plans.get(input);
      if (before !== undefined) visit(before);
    }
    ordered.push(plan);
  };
  for (const plan of plans.values()) visit(plan);
  return ordered;
}

/** Rules that are switched off, or whose metric is gone, do not take part. */
function rulesFor(
  definition: AssetDefinition,
  allRules: readonly Rule[],
  placeOf: ReadonlyMap<string, number>,
): CompiledRule[] {
  const rules: CompiledRule[] = [];
  for (const rule of allRules) {
    if (!rule.active) continue;
    const metric = rule.when === 'deviceLost' ? -1 : (placeOf.get(rule.metric ?? '') ?? Number.NaN);
    if (Number.isNaN(metric)) continue;
    const { unit = '', title, name = rule.name } = definition.metrics[metric] ?? {};
    rules.push(compileRule(rule, { index: rules.length, metric, unit, title: title ?? name }));
  }
  return rules;
}

function staleTimes(
  metrics: readonly Metric[],
  slots: readonly Slot[],
  formulas: readonly FormulaPlan[],
): Float64Array {
  const times = new Float64Array(metrics.length).fill(Number.POSITIVE_INFINITY);
  for (const { metric, staleAfterMs } of slots) times[metric] = Math.min(times[metric] ?? staleAfterMs, staleAfterMs);
  metrics.forEach(({ staleAfterMs }, place) => {
    if (staleAfterMs !== undefined) times[place] = staleAfterMs;
  });
  for (const { metric, inputs } of formulas) {
    if (metrics[metric]?.staleAfterMs !== undefined) continue;
    for (const input of inputs) times[metric] = Math.min(times[metric] ?? 0, times[input] ?? 0);
  }
  return times;
}

function slotsBehind(count: number, slots: readonly Slot[], formulas: readonly FormulaPlan[]): number[][] {
  const behind: number[][] = Array.from({ length: count }, () => []);
  for (const [index, { metric }] of slots.entries()) behind[metric]?.push(index);
  for (const { metric, inputs } of formulas) {
    for (const input of inputs) behind[metric]?.push(...(behind[input] ?? []));
  }
  return behind;
}

function rolledUp(metrics: readonly Metric[], formulas: readonly FormulaPlan[]): number[] {
  const places = new Set(metrics.flatMap(({ rollUp }, place) => (rollUp === undefined ? [] : [place])));
  for (const { metric, inputs } of formulas) if (inputs.some((input) => places.has(input))) places.add(metric);
  return [...places];
}

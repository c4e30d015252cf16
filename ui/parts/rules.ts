import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import type { AssetView, MetricInfo, RuleInfo, Severity } from '../../actors/views.ts';
import { PRIORITY, SEVERITIES } from '../store/alarm-order.ts';
import { words } from '../store/format.ts';
import { idFrom, limitFrom, ruleWords } from '../store/rule-words.ts';
import { useWall } from '../store/wall.ts';
import { Empty } from './condition.ts';
import { Dialog, Field, textOf } from './dialog.ts';
import { Choice } from './work-orders.ts';

interface RulesProps {
  readonly asset: string;
  readonly rules: Partial<AssetView['rules']>;
  readonly metrics: Partial<AssetView['metrics']>;
}

/** Every rule that an asset has, where it was made, and whether it is judged now; those of the API can be changed here. */
export function Rules({ asset, rules, metrics }: RulesProps) {
  const wall = useWall();
  const [dialog, setDialog] = useState<{ readonly kind: 'new' | 'switch' | 'delete'; readonly rule: string } | null>(
    null,
  );
  const listed = Object.entries(rules).flatMap(([id, rule]) => (rule === undefined ? [] : [{ id, rule }]));
  const chosen = dialog === null ? undefined : rules[dialog.rule];
  const mayChange = wall.may('rule:manage');
  const close = () => setDialog(null);
  return html`<section class="panel asset-rules" aria-label="Rules">
    <header class="rules-header">
      <h2>Rules</h2>
      <span class="spacer"></span>
      ${mayChange && html`<button type="button" class="button quiet" onClick=${() => setDialog({ kind: 'new', rule: '' })}>New rule …</button>`}
    </header>
    ${listed.length === 0 && html`<${Empty}>No rule: nothing is an alarm of this asset.</${Empty}>`}
    <ul class="rule-list">
      ${listed.map(
        ({ id, rule }) => html`<li key=${id} data-rule=${id} class=${rule.idle === null ? '' : 'idle'}>
          <span class="rule-name">${rule.name}</span>
          <span class="rule-marks">
            <span class="tag">${rule.severity === 'INFO' ? 'info' : `priority ${PRIORITY[rule.severity]}`}</span>
            ${rule.idle !== null && html`<span class="tag strong">${IDLE[rule.idle]}</span>`}
            <span class="dim">${originOf(rule)}</span>
          </span>
          <span class="rule-condition">${ruleWords(rule, rule.metric === null ? undefined : metrics[rule.metric])}</span>
          ${
            mayChange &&
            rule.source === 'api' &&
            html`<span class="rule-actions">
            <button type="button" class="button quiet" aria-label=${`${switchWord(rule)}: ${rule.name}`} onClick=${() => setDialog({ kind: 'switch', rule: id })}>${switchWord(rule)} …</button>
            <button type="button" class="button quiet" aria-label=${`Delete: ${rule.name}`} onClick=${() => setDialog({ kind: 'delete', rule: id })}>Delete …</button>
          </span>`
          }
        </li>`,
      )}
    </ul>
    ${dialog?.kind === 'new' && html`<${NewRuleDialog} asset=${asset} metrics=${metrics} taken=${rules} onClose=${close} />`}
    ${dialog !== null && dialog.kind !== 'new' && chosen !== undefined && html`<${ChangeDialog} id=${dialog.rule} rule=${chosen} deletes=${dialog.kind === 'delete'} onClose=${close} />`}
  </section>`;
}

const IDLE: Readonly<Record<Exclude<RuleInfo['idle'], null>, string>> = {
  inactive: 'off',
  no_metric: 'its value is gone',
};

function originOf({ source, profile }: RuleInfo): string {
  if (source === 'file') return 'topology file';
  return profile === null ? 'made here' : `for all of ${profile}`;
}

function switchWord({ idle }: RuleInfo): string {
  return idle === 'inactive' ? 'Switch on' : 'Switch off';
}

interface ChangeProps {
  readonly id: string;
  readonly rule: RuleInfo;
  readonly deletes: boolean;
  readonly onClose: () => void;
}

/** Says whom it concerns before it is done: a rule of a profile is that of other assets, too. */
function ChangeDialog({ id, rule, deletes, onClose }: ChangeProps) {
  const wall = useWall();
  const active = rule.idle === 'inactive';
  const verb = deletes ? 'Delete' : switchWord(rule);
  const confirm = () => {
    onClose();
    const command = deletes ? { kind: 'DeleteRule' } : { kind: 'ChangeRule', changes: { active } };
    void wall.feedback.send(`${verb}: ${rule.name}`, `rule/${id}`, command);
  };
  return html`<${Dialog} title=${`${verb}: ${rule.name}`} confirm=${verb} onConfirm=${confirm} onClose=${onClose}>
    <p>${rule.profile === null ? 'It is a rule of this asset alone.' : `It is a rule of every asset of the profile ${rule.profile}.`}</p>
    ${(deletes || !active) && html`<p>Alarms of it end.</p>`}
  </${Dialog}>`;
}

const CONDITIONS = ['above', 'below', 'atLeast', 'atMost', 'equals', 'notEquals', 'outside', 'inside'] as const;
type Condition = (typeof CONDITIONS)[number];

interface NewRuleProps {
  readonly asset: string;
  readonly metrics: Partial<AssetView['metrics']>;
  readonly taken: Partial<AssetView['rules']>;
  readonly onClose: () => void;
}

/** A rule for this asset; the server says what is wrong with it, by field and reason. */
function NewRuleDialog({ asset, metrics, taken, onClose }: NewRuleProps) {
  const wall = useWall();
  const names = Object.keys(metrics);
  const [name, setName] = useState('');
  const [metric, setMetric] = useState(names[0] ?? '');
  const [condition, setCondition] = useState<Condition>('above');
  const [first, setFirst] = useState('');
  const [second, setSecond] = useState('');
  const [seconds, setSeconds] = useState('0');
  const [severity, setSeverity] = useState<Severity>('MEDIUM');
  const [response, setResponse] = useState('');
  const isPair = condition === 'outside' || condition === 'inside';
  const limits = [limitFrom(first), limitFrom(second)];
  const id = idFrom(name);
  const isTaken = id in taken;
  const incomplete = id === '' || isTaken || metric === '' || limits[0] === null || (isPair && limits[1] === null);
  const confirm = () => {
    onClose();
    const rule = {
      name: name.trim(),
      metric,
      when: { [condition]: isPair ? limits : limits[0] },
      durationSeconds: Math.max(0, Number(seconds) || 0),
      severity,
      ...(response.trim() !== '' && { response: response.trim() }),
    };
    void wall.feedback.send(`Rule: ${name.trim()}`, `rule/${id}`, {
      kind: 'CreateRule',
      entityId: `asset/${asset}`,
      rule,
    });
  };
  return html`<${Dialog} title=${`New rule for ${wall.nameOf(`asset/${asset}`)}`} confirm="Create" onConfirm=${confirm} onClose=${onClose} disabled=${incomplete}>
    <${Field} label="Name of the alarm" hint=${isTaken ? `There is a rule ${id} already` : id === '' ? '' : `Its id: ${id}`}><input type="text" data-first maxlength="120" value=${name} onInput=${(e: Event) => setName(textOf(e))} /></${Field}>
    <div class="field-row">
      <${Field} label="Value"><select value=${metric} onChange=${(e: Event) => setMetric(textOf(e))}>${names.map((each) => html`<option value=${each}>${metrics[each]?.title ?? each}</option>`)}</select></${Field}>
      <${Field} label="Condition"><${Choice} value=${condition} options=${CONDITIONS} onChange=${setCondition} /></${Field}>
    </div>
    <div class="field-row">
      <${Field} label=${limitLabel(isPair ? 'From' : 'Limit', metrics[metric])}><input type="text" value=${first} onInput=${(e: Event) => setFirst(textOf(e))} /></${Field}>
      ${isPair && html`<${Field} label=${limitLabel('To', metrics[metric])}><input type="text" value=${second} onInput=${(e: Event) => setSecond(textOf(e))} /></${Field}>`}
      <${Field} label="For seconds"><input type="number" min="0" max="604800" value=${seconds} onInput=${(e: Event) => setSeconds(textOf(e))} /></${Field}>
      <${Field} label="Severity"><select value=${severity} onChange=${(e: Event) => setSeverity(SEVERITIES.find((each) => each === textOf(e)) ?? severity)}>${SEVERITIES.map((each) => html`<option value=${each}>${words(each)}</option>`)}</select></${Field}>
    </div>
    <${Field} label="What the operator is to do"><input type="text" maxlength="1000" value=${response} onInput=${(e: Event) => setResponse(textOf(e))} /></${Field}>
  </${Dialog}>`;
}

function limitLabel(label: string, info: MetricInfo | undefined): string {
  return info === undefined || info.unit === '' ? label : `${label}, ${info.unit}`;
}

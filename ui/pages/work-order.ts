import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import type { HoldReason, WorkOrderView } from '../../actors/work-order/views.ts';
import { Standing } from '../parts/away.ts';
import { Empty, Loading } from '../parts/condition.ts';
import { Dialog, Field, textOf } from '../parts/dialog.ts';
import { Moment } from '../parts/moment.ts';
import { Choice, Due, PRIORITIES } from '../parts/work-orders.ts';
import { type Cells, useGroup } from '../store/cells.ts';
import { capital } from '../store/fact-words.ts';
import { formatOffset, formatValue, instantAt, words } from '../store/format.ts';
import { useTopic } from '../store/live-topic.ts';
import { usePageSite } from '../store/page-site.ts';
import { useParent } from '../store/parent.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';

type Step =
  | { readonly kind: 'transition'; readonly transition: string }
  | { readonly kind: 'assign' }
  | { readonly kind: 'comment' }
  | { readonly kind: 'edit' }
  | { readonly kind: 'complete'; readonly index: string }
  | { readonly kind: 'skip'; readonly index: string };

/** One work order: its state machine, checklist, comments and history. */
export function WorkOrder({ number }: { readonly number: string }) {
  const wall = useWall();
  const { cells } = useTopic<WorkOrderView>('workorders', { ids: [number] });
  const ready = useSignal(cells.ready);
  const props = useGroup(cells, number, 'props');
  const comments = useGroup(cells, number, 'comments') ?? {};
  const history = useGroup(cells, number, 'history') ?? {};
  const [step, setStep] = useState<Step | null>(null);
  usePageSite(props?.site);
  useParent(props?.asset === undefined ? '/workorders' : `/asset/${encodeURIComponent(props.asset)}`);
  if (props === undefined)
    return html`<main class="page">${ready ? html`<${Empty}>There is no work order “${number}”. <a href="/workorders">All work orders</a></${Empty}>` : html`<${Loading} what="work order" />`}</main>`;
  const zone = wall.zoneOf(props.site);
  // An alarm or the order book may be the author, not only a person.
  const calledBy = (author = '') => (author.includes('/') ? wall.nameOf(author) : author);
  const alarmName = wall.book.alarms.value.get(`asset/${props.asset}:${props.rule}`)?.name ?? props.rule;
  return html`<main class="page order-page">
    <header class="page-header">
      <div>
        <p class="path"><a href="/workorders">Work orders</a> › <a href=${`/site/${encodeURIComponent(props.site ?? '')}`}>${wall.nameOf(`site/${props.site}`)}</a> › <a href=${`/asset/${encodeURIComponent(props.asset ?? '')}`}>${wall.nameOf(`asset/${props.asset}`)}</a></p>
        <h1>${props.number ?? number} <span class="h1-rest">${props.title}</span></h1>
      </div>
      <span class="tag strong">${words(props.state ?? '')}</span>
      <span class="pair"><span class="dim">Priority</span> ${props.priority}</span>
      <span class="pair"><span class="dim">Due</span> <${Due} props=${props} /></span>
      <span class="spacer"></span>
    </header>
    <${Standing} cells=${cells} id=${number} zone=${zone} />
    <div class="actions order-actions">
      ${(props.transitions ?? []).filter((transition) => wall.may(permissionFor(transition))).map((transition) => html`<button type="button" class="button" key=${transition} onClick=${() => setStep({ kind: 'transition', transition })}>${capital(words(transition))} …</button>`)}
      ${wall.may('workorder:assign') && html`<button type="button" class="button" onClick=${() => setStep({ kind: 'assign' })}>Assign …</button>`}
      ${wall.may('workorder:edit') && html`<button type="button" class="button" onClick=${() => setStep({ kind: 'edit' })}>Edit …</button>`}
      ${wall.may('workorder:comment') && html`<button type="button" class="button" onClick=${() => setStep({ kind: 'comment' })}>Comment …</button>`}
    </div>
    <div class="order-columns">
      <section class="panel" aria-label="Details">
        <h2>Details</h2>
        ${props.description && html`<p class="description">${props.description}</p>`}
        <dl class="facts">
          <div><dt>Type</dt><dd>${props.type}</dd></div>
          <div><dt>Assigned</dt><dd>${props.assignedTo ?? 'nobody yet'}${props.assignedRole && ` (${props.assignedRole})`}</dd></div>
          <div><dt>Created</dt><dd><${Moment} timeMs=${props.createdAtMs} zone=${zone} /> by ${calledBy(props.createdBy)}</dd></div>
          ${props.rule && html`<div><dt>From alarm</dt><dd><a href=${`/asset/${encodeURIComponent(props.asset ?? '')}?alarm=${encodeURIComponent(`asset/${props.asset}:${props.rule}`)}`}>${alarmName}</a>${(props.occurrences ?? 1) > 1 && `, ${props.occurrences} occurrences`}</dd></div>`}
          ${props.scheduledForMs && html`<div><dt>Scheduled for</dt><dd><${Moment} timeMs=${props.scheduledForMs} zone=${zone} /></dd></div>`}
          ${props.holdReason && html`<div><dt>On hold</dt><dd>${words(props.holdReason)} ${props.holdNote}</dd></div>`}
          ${props.startedAtMs && html`<div><dt>Started</dt><dd><${Moment} timeMs=${props.startedAtMs} zone=${zone} /></dd></div>`}
          ${props.completedAtMs && html`<div><dt>Completed</dt><dd><${Moment} timeMs=${props.completedAtMs} zone=${zone} /> by ${props.completedBy}</dd></div>`}
          ${props.closedAtMs && html`<div><dt>Closed</dt><dd><${Moment} timeMs=${props.closedAtMs} zone=${zone} /> by ${props.closedBy}</dd></div>`}
          ${props.cancelReason && html`<div><dt>Cancelled</dt><dd>${props.cancelReason}</dd></div>`}
          ${props.needsVerification && html`<div><dt>Verification</dt><dd>is closed by another person than the one who completed it</dd></div>`}
        </dl>
      </section>
      <section class="panel" aria-label="Checklist"><h2>Checklist</h2><${Checklist} cells=${cells} number=${number} zone=${zone} onStep=${setStep} /></section>
      <div class="column">
        <section class="panel" aria-label="Comments">
          <h2>Comments</h2>
          ${Object.keys(comments).length === 0 && html`<${Empty}>No comment.</${Empty}>`}
          <ul class="comments">${Object.entries(comments).map(([key, comment]) => comment && html`<li key=${key}><span class="dim"><${Moment} timeMs=${comment.atMs} zone=${zone} /> ${calledBy(comment.by)}</span> ${comment.text}</li>`)}</ul>
        </section>
        <section class="panel" aria-label="History">
          <h2>History</h2>
          ${Object.keys(history).length === 0 && html`<${Empty}>Nothing since it was created.</${Empty}>`}
          <ul class="comments">${Object.entries(history)
            .reverse()
            .map(
              ([key, entry]) =>
                entry &&
                html`<li key=${key}><span class="dim"><${Moment} timeMs=${entry.atMs} zone=${zone} /> ${calledBy(entry.by)}</span> ${words(entry.from)} → <strong>${words(entry.to)}</strong> ${entry.note ?? ''}</li>`,
            )}</ul>
        </section>
      </div>
    </div>
    ${step !== null && html`<${StepDialog} cells=${cells} number=${number} step=${step} onClose=${() => setStep(null)} />`}
  </main>`;
}

/** As the work order asks for it: who releases one, and who ends one, is not who does the work. */
function permissionFor(transition: string): string {
  if (transition === 'open') return 'workorder:approve';
  return transition === 'close' ? 'workorder:verify' : 'workorder:transition';
}

interface ChecklistProps {
  readonly cells: Cells<WorkOrderView>;
  readonly number: string;
  readonly zone: string;
  readonly onStep: (step: Step) => void;
}

function Checklist({ cells, number, zone, onStep }: ChecklistProps) {
  const wall = useWall();
  const items = useGroup(cells, number, 'checklist') ?? {};
  const entries = Object.entries(items).sort(([a], [b]) => Number(a) - Number(b));
  if (entries.length === 0) return html`<${Empty}>No checklist.</${Empty}>`;
  const may = wall.may('workorder:edit');
  return html`<ol class="checklist">
    ${entries.map(
      ([index, item]) =>
        item &&
        html`<li key=${index} class=${item.state}>
        <span class="check-sign" aria-hidden="true">${item.state === 'done' ? '✓' : item.state === 'skipped' ? '–' : '○'}</span>
        <span class="check-text">${item.item}${item.required && html` <span class="dim">required</span>`}
          ${item.state !== 'open' && html`<span class="dim check-by">${item.state} by ${item.by} <${Moment} timeMs=${item.atMs} zone=${zone} />${item.value !== null && item.kind !== 'check' && ` · ${formatValue(item.value, 2)} ${item.unit ?? ''}`}${item.reason && ` · ${item.reason}`}</span>`}
        </span>
        ${item.state === 'open' && may && html`<span class="check-actions"><button type="button" class="button" onClick=${() => onStep({ kind: 'complete', index })}>Done …</button><button type="button" class="button quiet" onClick=${() => onStep({ kind: 'skip', index })}>Skip …</button></span>`}
      </li>`,
    )}
  </ol>`;
}

const HOLD_REASONS: readonly HoldReason[] = [
  'awaiting_parts',
  'plant_condition',
  'access',
  'permit',
  'weather',
  'other',
];

interface StepDialogProps {
  readonly cells: Cells<WorkOrderView>;
  readonly number: string;
  readonly step: Step;
  readonly onClose: () => void;
}

/** The second step of every command on a work order. */
function StepDialog({ cells, number, step, onClose }: StepDialogProps) {
  const wall = useWall();
  const props = cells.group(number, 'props') ?? {};
  const [text, setText] = useState(
    step.kind === 'assign' ? (props.assignedTo ?? '') : step.kind === 'edit' ? (props.title ?? '') : '',
  );
  const [hold, setHold] = useState<HoldReason>('awaiting_parts');
  const [priority, setPriority] = useState(props.priority ?? 'medium');
  const [when, setWhen] = useState('');
  const item =
    step.kind === 'complete' || step.kind === 'skip' ? cells.group(number, 'checklist')?.[step.index] : undefined;
  const trimmed = text.trim();
  const number_ = Number(trimmed.replace(',', '.'));
  const { title, label, required } = wording(step, item?.kind ?? 'check', item?.item ?? '', item?.unit ?? '');
  const scheduling = step.kind === 'transition' && step.transition === 'schedule';
  const zone = wall.zoneOf(props.site);
  const scheduledMs = instantAt(when, zone);
  const invalid =
    (required && trimmed === '') ||
    (item?.kind === 'number' && step.kind === 'complete' && !Number.isFinite(number_)) ||
    (scheduling && Number.isNaN(scheduledMs));
  const command = (): Record<string, unknown> => {
    switch (step.kind) {
      case 'transition':
        return {
          kind: 'TransitionWorkOrder',
          transition: step.transition,
          ...(trimmed === '' ? {} : { note: trimmed }),
          ...(step.transition === 'hold' ? { holdReason: hold } : {}),
          ...(scheduling ? { scheduledForMs: scheduledMs } : {}),
        };
      case 'assign':
        return { kind: 'AssignWorkOrder', to: trimmed === '' ? null : trimmed };
      case 'comment':
        return { kind: 'CommentWorkOrder', text: trimmed };
      case 'edit':
        return { kind: 'EditWorkOrder', title: trimmed, priority };
      case 'complete':
        return {
          kind: 'CompleteChecklistItem',
          index: Number(step.index),
          ...(item?.kind === 'number' ? { value: number_ } : item?.kind === 'text' ? { value: trimmed } : {}),
        };
      case 'skip':
        return { kind: 'SkipChecklistItem', index: Number(step.index), reason: trimmed };
    }
  };
  const confirm = () => {
    onClose();
    void wall.feedback.send(`${title}: ${number}`, `work-order/${number}`, command());
  };
  return html`<${Dialog} title=${title} confirm=${title} onConfirm=${confirm} onClose=${onClose} disabled=${invalid}>
    ${step.kind === 'transition' && step.transition === 'hold' && html`<${Field} label="Why"><${Choice} value=${hold} options=${HOLD_REASONS} onChange=${setHold} /></${Field}>`}
    ${scheduling && html`<${Field} label=${`When, in the time of the site (${formatOffset(Number.isNaN(scheduledMs) ? wall.clock.nowMs() : scheduledMs, zone)})`}><input type="datetime-local" data-first value=${when} onInput=${(event: Event) => setWhen(textOf(event))} /></${Field}>`}
    ${step.kind === 'edit' && html`<${Field} label="Priority"><${Choice} value=${priority} options=${PRIORITIES} onChange=${setPriority} /></${Field}>`}
    ${label !== null && html`<${Field} label=${label} hint=${item?.kind === 'number' && step.kind === 'complete' && (item.min !== null || item.max !== null) ? `Expected: ${formatValue(item.min, 2)} to ${formatValue(item.max, 2)} ${item.unit ?? ''}` : ''}><input type="text" data-first=${scheduling ? undefined : true} maxlength="500" value=${text} onInput=${(event: Event) => setText(textOf(event))} /></${Field}>`}
  </${Dialog}>`;
}

function wording(
  step: Step,
  kind: string,
  item: string,
  unit: string,
): { title: string; label: string | null; required: boolean } {
  switch (step.kind) {
    case 'transition': {
      const needsNote = step.transition === 'cancel' || step.transition === 'reopen';
      return {
        title: capital(words(step.transition)),
        label: needsNote ? 'Reason (required)' : 'Note (optional)',
        required: needsNote,
      };
    }
    case 'assign':
      return { title: 'Assign', label: 'To whom (empty: to nobody)', required: false };
    case 'comment':
      return { title: 'Comment', label: 'Comment', required: true };
    case 'edit':
      return { title: 'Save', label: 'Title', required: true };
    case 'complete':
      return {
        title: `Done: ${item}`,
        label: kind === 'check' ? null : kind === 'number' ? `Measured value ${unit}` : 'Text',
        required: kind !== 'check',
      };
    case 'skip':
      return { title: `Skip: ${item}`, label: 'Reason (required)', required: true };
  }
}

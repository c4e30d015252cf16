import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import type { WorkOrderDraft } from '../../actors/work-order/commands.ts';
import type { WorkOrderView } from '../../actors/work-order/views.ts';
import { type Cells, useIds } from '../store/cells.ts';
import { formatAge, formatDate, words } from '../store/format.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';
import { Empty, Loading } from './condition.ts';
import { Dialog, Field, textOf } from './dialog.ts';

export const CLOSED_STATES: readonly string[] = ['closed', 'cancelled'];

/** When it is due, and by how much it is late: in words and weight, never in an alarm's colour. */
export function Due({ props }: { readonly props: Partial<WorkOrderView['props']> }) {
  const wall = useWall();
  const now = useSignal(wall.clock.second);
  const due = props.dueAtMs;
  if (due === null || due === undefined) return html`<span class="dim">no due date</span>`;
  if (props.overdue) return html`<span class="tag strong">overdue ${formatAge(now - due)}</span>`;
  if (CLOSED_STATES.includes(props.state ?? '') || props.state === 'completed') {
    return html`<span class="dim">${formatDate(due, wall.zoneOf(props.site))}</span>`;
  }
  return html`<span>in ${formatAge(due - now)}</span>`;
}

interface OpenOrdersProps {
  readonly cells: Cells<WorkOrderView>;
  /** Of these alone. */
  readonly only?: readonly string[];
}

/** Short list for the page of a site or an asset. */
export function OpenOrders({ cells, only }: OpenOrdersProps) {
  const ids = useIds(cells);
  const ready = useSignal(cells.ready);
  useSignal(cells.revision);
  const open = (only ?? ids).filter((id) => !CLOSED_STATES.includes(cells.group(id, 'props')?.state ?? ''));
  if (!ready) return html`<${Loading} what="work orders" />`;
  if (open.length === 0) return html`<${Empty}>No open work order.</${Empty}>`;
  return html`<ul class="order-list">
    ${open.slice(0, 8).map((id) => {
      const props = cells.group(id, 'props') ?? {};
      return html`<li key=${id}>
        <a href=${`/workorder/${id}`}>${props.number ?? id}</a> <span class="order-title">${props.title}</span>
        <span class="tag">${words(props.state ?? '')}</span> <${Due} props=${props} />
      </li>`;
    })}
    ${open.length > 8 && html`<li class="dim">and ${open.length - 8} more</li>`}
  </ul>`;
}

interface NewOrderProps {
  readonly asset: string;
  readonly site: string;
  readonly onClose: () => void;
}

/** A work order by hand; the order book gives it its number. */
export function NewOrderDialog({ asset, site, onClose }: NewOrderProps) {
  const wall = useWall();
  const [title, setTitle] = useState('');
  const [description, setDescription] = useState('');
  const [priority, setPriority] = useState<WorkOrderDraft['priority']>('medium');
  const [type, setType] = useState<WorkOrderDraft['type']>('corrective');
  const [due, setDue] = useState('72');
  const confirm = async () => {
    onClose();
    const dueInHours = Number(due);
    const draft: Partial<WorkOrderDraft> & Pick<WorkOrderDraft, 'title' | 'asset' | 'site'> = {
      title: title.trim(),
      description,
      type,
      priority,
      asset,
      site,
      ...(dueInHours > 0 ? { dueInHours } : {}),
    };
    const date = formatDate(wall.clock.nowMs(), wall.zoneOf(site)).replace(/-/g, '');
    await wall.feedback.send(`Work order: ${title.trim()}`, 'order-book/main', {
      kind: 'RequestWorkOrder',
      draft,
      date,
    });
  };
  return html`<${Dialog} title=${`New work order for ${wall.nameOf(`asset/${asset}`)}`} confirm="Create" onConfirm=${confirm} onClose=${onClose} disabled=${title.trim() === ''}>
    <${Field} label="What is to be done"><input type="text" data-first maxlength="200" value=${title} onInput=${(e: Event) => setTitle(textOf(e))} /></${Field}>
    <${Field} label="Description"><textarea rows="4" maxlength="4000" value=${description} onInput=${(e: Event) => setDescription(textOf(e))}></textarea></${Field}>
    <div class="field-row">
      <${Field} label="Type"><${Choice} value=${type} options=${TYPES} onChange=${setType} /></${Field}>
      <${Field} label="Priority"><${Choice} value=${priority} options=${PRIORITIES} onChange=${setPriority} /></${Field}>
      <${Field} label="Due in hours"><input type="number" min="1" max="8760" value=${due} onInput=${(e: Event) => setDue(textOf(e))} /></${Field}>
    </div>
  </${Dialog}>`;
}

const TYPES = ['preventive', 'corrective', 'predictive', 'emergency'] as const;
export const PRIORITIES = ['low', 'medium', 'high', 'critical'] as const;

interface ChoiceProps<T extends string> {
  readonly value: T;
  readonly options: readonly T[];
  readonly onChange: (value: T) => void;
}

export function Choice<T extends string>({ value, options, onChange }: ChoiceProps<T>) {
  const change = (event: Event) => {
    const chosen = options.find((option) => option === textOf(event));
    if (chosen !== undefined) onChange(chosen);
  };
  return html`<select value=${value} onChange=${change}>${options.map((option) => html`<option value=${option}>${words(option)}</option>`)}</select>`;
}

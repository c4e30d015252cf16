import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { awayConditions, type Condition, conditionsOf } from '../store/conditions.ts';
import { formatMoment, shortOffset } from '../store/format.ts';
import { useKeys } from '../store/keys.ts';
import { serverWords } from '../store/server-words.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';

/**
 * Under the top bar as long as something is wrong with the server or with a link to the field, each in a line with its first
 * reason in plain sight; all reasons on a click or on `h`. Without a connection nothing is known of either.
 */
export function ConditionStrip() {
  const { connection, away, pageZone } = useWall();
  const link = useSignal(connection.link);
  const heartbeat = useSignal(connection.heartbeat);
  const [open, setOpen] = useState(false);
  const groups = useSignal(away.groups);
  const zone = useSignal(pageZone.zone);
  const timeOf = (timeMs: number) =>
    `${formatMoment(timeMs, zone, heartbeat?.timeMs ?? timeMs)} ${shortOffset(timeMs, zone)}`;
  const read = (condition: Condition): Condition => ({
    ...condition,
    reasons: condition.reasons.map((reason) => serverWords(reason, zone, heartbeat?.timeMs ?? 0)),
  });
  const conditions =
    heartbeat === null || link.kind !== 'live'
      ? []
      : [...awayConditions(groups, timeOf, heartbeat.timeMs), ...conditionsOf(heartbeat, groups).map(read)];
  const hasMore = conditions.some(({ reasons }) => reasons.length > 1);
  useKeys({ h: () => hasMore && setOpen(!open) }, 'frame');
  if (conditions.length === 0) return null;
  return html`<section class=${open ? 'conditions open' : 'conditions'} role="status" aria-label="State of the server and of the field links">
    ${conditions.map((condition, index) => html`<${Line} key=${condition.key} condition=${condition} open=${open} onToggle=${index === 0 && hasMore ? () => setOpen(!open) : null} />`)}
  </section>`;
}

interface LineProps {
  readonly condition: Condition;
  readonly open: boolean;
  /** Of the first line, where there is more to see. */
  readonly onToggle: (() => void) | null;
}

function Line({ condition: { label, subject, href, grave, reasons }, open, onToggle }: LineProps) {
  const [first = '', ...rest] = reasons;
  return html`<div class=${grave ? 'condition grave' : 'condition'}>
    <span class="flag">${label}</span>
    <div class="condition-words">
      <p>${subject !== '' && html`<strong>${href === null ? subject : html`<a href=${href}>${subject}</a>`}</strong> `}${first}${!open && rest.length > 0 && html` <span class="dim">and ${rest.length} more</span>`}</p>
      ${open && rest.map((reason) => html`<p key=${reason}>${reason}</p>`)}
    </div>
    ${onToggle !== null && html`<button type="button" class="button quiet" aria-expanded=${open} title="All reasons (h)" onClick=${onToggle}>${open ? 'Less' : 'All reasons'} <kbd>h</kbd></button>`}
  </div>`;
}

import { html } from 'htm/preact';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';

const SIGNS = { pending: '…', done: '✓', failed: '✕' } as const;

/** Feedback on commands, at the lower edge. */
export function Notes() {
  const { feedback } = useWall();
  const notes = useSignal(feedback.notes);
  return html`<div class="notes" role="log" aria-live="polite">
    ${notes.map(
      (note) => html`<div class=${`note ${note.state}`} key=${note.key}>
        <span class="note-sign" aria-hidden="true">${SIGNS[note.state]}</span>
        <span><strong>${note.title}</strong> ${note.state === 'pending' ? 'sent, waiting for the answer' : note.state === 'done' ? 'done' : `failed: ${note.message}`}</span>
        ${note.state === 'failed' && html`<button type="button" class="button" aria-label="Dismiss" onClick=${() => feedback.dismiss(note.key)}>✕</button>`}
      </div>`,
    )}
  </div>`;
}

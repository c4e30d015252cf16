import { html } from 'htm/preact';
import type { Note } from '../store/feedback.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';

const SIGNS = { pending: '…', waiting: '◷', done: '✓', failed: '✕' } as const;

function wordsOf({ state, message }: Note): string {
  if (state === 'pending') return 'sent, waiting for the answer';
  if (state === 'waiting')
    return 'waits for the link to its edge. Nothing is carried out before; its page says until when it is kept';
  return state === 'done' ? 'done' : `failed: ${message}`;
}

/** Feedback on commands, at the lower edge. */
export function Notes() {
  const { feedback } = useWall();
  const notes = useSignal(feedback.notes);
  return html`<div class="notes" role="log" aria-live="polite">
    ${notes.map(
      (note) => html`<div class=${`note ${note.state}`} key=${note.key}>
        <span class="note-sign" aria-hidden="true">${SIGNS[note.state]}</span>
        <span><strong>${note.title}</strong> ${wordsOf(note)}</span>
        ${(note.state === 'failed' || note.state === 'waiting') && html`<button type="button" class="button" aria-label="Dismiss" onClick=${() => feedback.dismiss(note.key)}>✕</button>`}
      </div>`,
    )}
  </div>`;
}

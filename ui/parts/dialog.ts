import { html } from 'htm/preact';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface DialogProps {
  readonly title: string;
  /** What the button says; the second step of every command. */
  readonly confirm: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
  readonly disabled?: boolean;
  readonly children?: ComponentChildren;
}

/** Modal, opened by the first step. Enter in a one-line field or on the button confirms, Escape leaves without effect. */
export function Dialog({ title, confirm, onConfirm, onClose, disabled = false, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const shown = useRef(true);
  const newest = useRef({ disabled, onConfirm });
  newest.current = { disabled, onConfirm };
  const confirmed = useRef(false);
  // The page is drawn once a frame, after what was typed: only then the newest text is in the command.
  const submit = () =>
    requestAnimationFrame(() => {
      if (newest.current.disabled || confirmed.current) return;
      confirmed.current = true;
      newest.current.onConfirm();
    });
  useEffect(() => {
    const before = document.activeElement;
    const element = dialog.current;
    element?.showModal();
    const first =
      element?.querySelector<HTMLElement>('[data-first]') ?? element?.querySelector<HTMLElement>('.primary');
    first?.focus();
    return () => {
      // Its close event comes later, when the next dialog may stand already: it is not that one's.
      shown.current = false;
      // While it is open everything else is inert and would not take the focus back.
      element?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return html`<dialog
    ref=${dialog}
    aria-label=${title}
    onCancel=${(event: Event) => {
      event.preventDefault();
      onClose();
    }}
    onClose=${() => shown.current && onClose()}
  >
    <form
      method="dialog"
      onSubmit=${(event: Event) => {
        event.preventDefault();
        submit();
      }}
      onKeyDown=${(event: KeyboardEvent) => {
        // The button may still be drawn as disabled, and would then keep the browser from submitting.
        if (event.key !== 'Enter' || !(event.target instanceof HTMLInputElement)) return;
        event.preventDefault();
        submit();
      }}
    >
      <h2>${title}</h2>
      <div class="dialog-body">${children}</div>
      <div class="dialog-buttons">
        <button type="button" class="button" onClick=${onClose}>Cancel <kbd>Esc</kbd></button>
        <button type="submit" class="button primary" disabled=${disabled}>${confirm} <kbd>Enter</kbd></button>
      </div>
    </form>
  </dialog>`;
}

/** A label above its field. */
export function Field({ label, hint, children }: { label: string; hint?: string; children?: ComponentChildren }) {
  return html`<label class="field"><span class="field-label">${label}</span>${children}${hint && html`<span class="field-hint">${hint}</span>`}</label>`;
}

export function textOf(event: Event): string {
  const target = event.target;
  return target instanceof HTMLInputElement ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement
    ? target.value
    : '';
}

import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { Field, textOf } from '../parts/dialog.ts';
import { logIn } from '../store/session.ts';

/** Shown without a session: where the link is, how to make another, and a field for a token. */
export function Login({ problem }: { readonly problem: string | null }) {
  const [token, setToken] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(problem);
  const submit = async (event: Event) => {
    event.preventDefault();
    // From the field itself: what was pasted last may not be drawn yet.
    const entered = event.target instanceof HTMLFormElement ? new FormData(event.target).get('token') : token;
    if (typeof entered !== 'string' || entered.trim() === '' || busy) return;
    setBusy(true);
    const answer = await logIn(entered.trim());
    setBusy(false);
    if (answer.ok) location.reload();
    else setError(`${answer.message} (${answer.code})`);
  };
  return html`<main class="login">
    <h1>Signalbox</h1>
    <p>This wall needs a token. There are two ways to one:</p>
    <ol>
      <li>Open the link that <code>signalbox start</code> prints at its first start. It ends in <code>#key=…</code> and logs this browser in.</li>
      <li>Or make a token on the server and paste it here:<br /><code>npx signalbox token create wall --role operator</code></li>
    </ol>
    <form onSubmit=${submit}>
      <${Field} label="Token">
        <input type="password" name="token" autocomplete="off" spellcheck="false" autofocus value=${token} onInput=${(event: Event) => setToken(textOf(event))} />
      </${Field}>
      <button type="submit" class="button primary" disabled=${busy || token.trim() === ''}>${busy ? 'Checking …' : 'Open the wall'}</button>
    </form>
    ${error !== null && html`<p class="problem" role="alert">${error}</p>`}
  </main>`;
}

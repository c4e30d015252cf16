import { html, render } from 'htm/preact';
import { options } from 'preact';
import { WallPage } from './pages/wall-page.ts';
import { keepBlinkInPhase } from './store/blink.ts';
import { logIn, takeKeyFromAddress } from './store/session.ts';
import { Wall, WallProvider } from './store/wall.ts';

// However many frames arrive, the page is drawn once per frame of the screen: a flood of alarms leaves time for input.
options.debounceRendering = (draw) => requestAnimationFrame(draw);

/** Entry of the page: the key of a printed link becomes a session, then the wall connects. */
async function start(): Promise<void> {
  const root = document.getElementById('wall');
  if (root === null) return;
  const key = takeKeyFromAddress();
  const answer = key === null ? null : await logIn(key);
  const problem = answer === null || answer.ok ? null : `The key in the link was not accepted: ${answer.message}`;
  const wall = new Wall();
  keepBlinkInPhase(wall.clock);
  root.replaceChildren();
  render(html`<${WallProvider} value=${wall}><${WallPage} problem=${problem} /></${WallProvider}>`, root);
  wall.connection.start();
}

// A link pasted into a tab that shows the wall already changes the fragment alone.
addEventListener('hashchange', () => {
  if (location.hash.startsWith('#key=')) location.reload();
});
void start();

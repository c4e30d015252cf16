import { Signal } from './signal.ts';

/** The address is the view: what a page shows follows from it alone, so that a refresh or a pasted link gives the same. */
export interface Address {
  readonly path: string;
  /** `/asset/pump-1` -> `['asset', 'pump-1']` */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
}

export function parseAddress(href: string): Address {
  const url = new URL(href, 'http://wall.invalid');
  const segments = url.pathname.split('/').filter(Boolean).map(decode);
  return { path: url.pathname, segments, query: url.searchParams };
}

/** The same page with some of its settings changed; null or empty takes a setting out. */
export function withQuery(address: Address, changes: Readonly<Record<string, string | null>>): string {
  const query = new URLSearchParams(address.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  return text === '' ? address.path : `${address.path}?${text}`;
}

/** Browsers refuse more than some two hundred changes of the address in half a minute: a held arrow key makes more. */
const WRITE_EVERY_MS = 250;

export class Router {
  readonly address: Signal<Address>;
  #unwritten: string | null = null;
  #wroteAtMs = Number.NEGATIVE_INFINITY;
  #writer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.address = new Signal(parseAddress(location.href));
    addEventListener('pagehide', () => this.#write());
    addEventListener('popstate', () => {
      // One left the entry of the history that it was meant for.
      this.#unwritten = null;
      this.#read();
    });
    document.addEventListener('click', (event) => this.#follow(event));
  }

  go(href: string): void {
    this.#write();
    if (parseAddress(href).path === this.address.value.path && href === location.pathname + location.search) return;
    history.pushState(null, '', href);
    this.#read();
    scrollTo(0, 0);
  }

  /** Changes settings of the page without a step in the history. */
  set(changes: Readonly<Record<string, string | null>>): void {
    this.#unwritten = withQuery(this.address.value, changes);
    this.address.value = parseAddress(this.#unwritten);
    if (performance.now() - this.#wroteAtMs > WRITE_EVERY_MS) this.#write();
    else this.#writer ??= setTimeout(() => this.#write(), WRITE_EVERY_MS);
  }

  #write(): void {
    clearTimeout(this.#writer);
    this.#writer = undefined;
    if (this.#unwritten !== null) history.replaceState(null, '', this.#unwritten);
    this.#unwritten = null;
    this.#wroteAtMs = performance.now();
  }

  #read(): void {
    this.address.value = parseAddress(location.href);
  }

  /** Links stay links (open in a new tab, copy the address); a plain click stays in the page. */
  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
    const href = link?.getAttribute('href');
    if (href == null || !href.startsWith('/') || href.startsWith('/api/') || link?.hasAttribute('target')) return;
    event.preventDefault();
    this.go(href);
  }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

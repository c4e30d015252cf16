/** Ways to the server beside the push: the session and what is asked once. */

const TIMEOUT_MS = 10_000;

export type Answer<T> =
  | { readonly ok: true; readonly body: T }
  | { readonly ok: false; readonly status: number; readonly code: string; readonly message: string };

/** A printed link ends in `#key=TOKEN`: the part that browsers never send to a server. Taken once, then gone from the address. */
export function takeKeyFromAddress(): string | null {
  const key = /^#key=(.+)$/.exec(location.hash)?.[1];
  if (key === undefined) return null;
  history.replaceState(null, '', location.pathname + location.search);
  return decodeURIComponent(key);
}

/** Trades a token for a session cookie. */
export async function logIn(token: string): Promise<Answer<unknown>> {
  return request('/api/v1/session', { method: 'POST', body: JSON.stringify({ token }) });
}

export async function logOut(): Promise<Answer<unknown>> {
  return request('/api/v1/session', { method: 'DELETE' });
}

export async function sessionValid(): Promise<boolean | 'unknown'> {
  const answer = await request('/api/v1/session', { method: 'GET' });
  if (answer.ok) return true;
  return answer.status === 401 || answer.status === 403 ? false : 'unknown';
}

export async function read(path: string, query: Readonly<Record<string, string>>): Promise<Answer<unknown>> {
  return request(`${path}?${new URLSearchParams(query)}`, { method: 'GET' });
}

async function request(path: string, init: RequestInit): Promise<Answer<unknown>> {
  try {
    const response = await fetch(path, {
      ...init,
      headers: {
        accept: 'application/json',
        ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    const body: unknown = text === '' ? null : JSON.parse(text);
    if (response.ok) return { ok: true, body };
    return { ok: false, status: response.status, ...problemOf(body, response.status) };
  } catch {
    return { ok: false, status: 0, code: 'NO_LINK', message: 'The server did not answer.' };
  }
}

/** `{code, message}` of an error body, wherever it stands in it. */
function problemOf(body: unknown, status: number): { code: string; message: string } {
  const error = isRecord(body) && isRecord(body.error) ? body.error : body;
  if (isRecord(error) && typeof error.message === 'string') {
    return { code: typeof error.code === 'string' ? error.code : String(status), message: error.message };
  }
  return { code: String(status), message: `The server answered ${status}.` };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

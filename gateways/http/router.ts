import type { Route } from './route.ts';

type Segment = { readonly literal: string } | { readonly parameter: string };

interface Entry {
  readonly route: Route;
  readonly segments: readonly Segment[];
}

export type Match =
  | { readonly kind: 'found'; readonly route: Route; readonly params: Record<string, string> }
  /** The path exists, with other methods. */
  | { readonly kind: 'method'; readonly allowed: readonly string[] }
  | { readonly kind: 'none' };

/** Finds the route of a path. A literal segment goes before a parameter, as the table is written: first match counts. */
export class Router {
  readonly #bySize = new Map<number, Entry[]>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const segments = route.path.split('/').slice(1).map(segmentOf);
      const entries = this.#bySize.get(segments.length) ?? [];
      entries.push({ route, segments });
      this.#bySize.set(segments.length, entries);
    }
    for (const entries of this.#bySize.values()) entries.sort((a, b) => parameters(a) - parameters(b));
  }

  /** `path` is what follows `/api/v1`, still percent-encoded. */
  match(method: string, path: string): Match {
    const parts = path.split('/').slice(1);
    const allowed = new Set<string>();
    let pattern: string | undefined;
    for (const { route, segments } of this.#bySize.get(parts.length) ?? []) {
      // An address that stands in the table by itself is none of those with a parameter in its place.
      if (pattern !== undefined && route.path !== pattern) continue;
      const params = paramsOf(segments, parts);
      if (params === undefined) continue;
      if (route.method === method || (method === 'HEAD' && route.method === 'GET'))
        return { kind: 'found', route, params };
      pattern = route.path;
      allowed.add(route.method);
    }
    return allowed.size > 0 ? { kind: 'method', allowed: [...allowed] } : { kind: 'none' };
  }
}

function segmentOf(text: string): Segment {
  const parameter = /^\{(\w+)\}$/.exec(text)?.[1];
  return parameter === undefined ? { literal: text } : { parameter };
}

function parameters({ segments }: Entry): number {
  return segments.filter((segment) => 'parameter' in segment).length;
}

function paramsOf(segments: readonly Segment[], parts: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const part = parts[index] ?? '';
    if ('literal' in segment) {
      if (segment.literal !== part) return undefined;
      continue;
    }
    const value = decoded(part);
    if (value === undefined || value === '') return undefined;
    params[segment.parameter] = value;
  }
  return params;
}

/** Undefined for what is not well-formed. */
export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

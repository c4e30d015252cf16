import { nearest } from '../nearest.ts';

/** What the levels of a topic say, as named by its template. */
export type TopicNames = { readonly [name in Placeholder]?: string };

const PLACEHOLDERS = ['org', 'site', 'asset', 'device', 'tag'] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

/** A topic template, taken apart once. */
export interface TopicPattern {
  /** What to subscribe to: each placeholder is a `+`. */
  readonly filter: string;
  readonly placeholders: readonly Placeholder[];
  /** Undefined when the topic has another form. */
  match(topic: string): TopicNames | undefined;
}

type Level = { readonly kind: 'literal'; readonly text: string } | { readonly kind: 'any' } | NamedLevel;
interface NamedLevel {
  readonly kind: 'name';
  readonly name: Placeholder;
}

/** Why a text is no topic template. */
export interface TopicFault {
  readonly message: string;
  readonly suggestion: string | null;
  /** Where in the text, counted from 1. */
  readonly column: number;
}

/** @param template `telemetry/{site}/{asset}/{tag}`, `v1/telemetry/{org}/{device}`, `sensors/{device}/data`; `+` and `#` as in MQTT */
export function parseTopic(template: string): TopicPattern | TopicFault {
  const parts = template.split('/');
  const open = parts.at(-1) === '#';
  const levels: Level[] = [];
  const placeholders: Placeholder[] = [];
  let column = 1;
  for (const part of open ? parts.slice(0, -1) : parts) {
    const level = levelOf(part);
    if (level === null) return { ...levelFault(part), column };
    if (level.kind === 'name') {
      if (placeholders.includes(level.name))
        return { message: `{${level.name}} stands there twice`, suggestion: 'use + for one of them', column };
      placeholders.push(level.name);
    }
    levels.push(level);
    column += part.length + 1;
  }
  const filter = levels.map((level) => (level.kind === 'literal' ? level.text : '+')).join('/');
  return {
    filter: open ? (levels.length === 0 ? '#' : `${filter}/#`) : filter,
    placeholders,
    match: (topic) => match(levels, open, topic),
  };
}

/** @throws Error for a text that is no template; the check of the topology file finds it first */
export function compileTopic(template: string): TopicPattern {
  const parsed = parseTopic(template);
  if ('filter' in parsed) return parsed;
  throw new Error(`topic ${template}: ${parsed.message}`);
}

function levelOf(part: string): Level | null {
  if (part === '+') return { kind: 'any' };
  const name = PLACEHOLDERS.find((known) => part === `{${known}}`);
  if (name !== undefined) return { kind: 'name', name };
  return /[{}+#\0]/.test(part) ? null : { kind: 'literal', text: part };
}

function levelFault(part: string): { readonly message: string; readonly suggestion: string } {
  const all = `there are ${PLACEHOLDERS.map((name) => `{${name}}`).join(', ')}`;
  if (part.includes('#')) return { message: `"${part}": # stands alone, as the last level`, suggestion: 'use + here' };
  const named = /^\{([^{}]*)\}$/.exec(part)?.[1];
  if (named === undefined)
    return { message: `"${part}" mixes text with a placeholder`, suggestion: 'a placeholder is a whole level' };
  const near = nearest(named, PLACEHOLDERS);
  return { message: `no placeholder {${named}}`, suggestion: near ? `did you mean "{${near}}"?` : all };
}

function match(levels: readonly Level[], open: boolean, topic: string): TopicNames | undefined {
  const parts = topic.split('/');
  if (open ? parts.length < levels.length : parts.length !== levels.length) return undefined;
  // [MQTT-4.7.2-1] A filter that begins with a wildcard does not take the broker's own topics.
  if (topic.startsWith('$') && levels[0]?.kind !== 'literal') return undefined;
  const names: { [name in Placeholder]?: string } = {};
  for (const [index, level] of levels.entries()) {
    const part = parts[index] ?? '';
    if (level.kind === 'name') names[level.name] = part;
    else if (level.kind === 'literal' && level.text !== part) return undefined;
  }
  return names;
}

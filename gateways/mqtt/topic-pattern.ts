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

/**
 * @param template `telemetry/{site}/{asset}/{tag}`, `v1/telemetry/{org}/{device}`, `sensors/{device}/data`; `+` and `#` as in MQTT
 * @throws Error when a level mixes a placeholder with text, names an unknown one, or `#` is not the last level
 */
export function compileTopic(template: string): TopicPattern {
  const parts = template.split('/');
  const open = parts.at(-1) === '#';
  const levels = (open ? parts.slice(0, -1) : parts).map((part) => compileLevel(part, template));
  const placeholders = levels.filter((level) => level.kind === 'name').map((level) => level.name);
  if (new Set(placeholders).size < placeholders.length) throw new Error(`topic ${template} names a level twice`);
  const filter = levels.map((level) => (level.kind === 'literal' ? level.text : '+')).join('/');
  return {
    filter: open ? (levels.length === 0 ? '#' : `${filter}/#`) : filter,
    placeholders,
    match: (topic) => match(levels, open, topic),
  };
}

function compileLevel(part: string, template: string): Level {
  if (part === '+') return { kind: 'any' };
  const name = PLACEHOLDERS.find((known) => part === `{${known}}`);
  if (name !== undefined) return { kind: 'name', name };
  if (/[{}+#]/.test(part)) {
    throw new Error(
      `topic ${template}: ${part} is neither plain text, +, a # at the end, nor one of {org}, {site}, {asset}, {device}, {tag}`,
    );
  }
  return { kind: 'literal', text: part };
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

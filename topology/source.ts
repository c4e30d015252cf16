import { type Document, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { Problem, ProblemCode } from './problem.ts';

/** Where in the file something stands: keys and indexes from the top. */
export type Path = readonly (string | number)[];

export interface Fault {
  readonly at: Path;
  readonly code: ProblemCode;
  readonly message: string;
  readonly suggestion?: string | null;
  readonly severity?: 'error' | 'warning';
  /** Points at the key itself, not at its value. */
  readonly atKey?: boolean;
  /** Column within a text that stands on one line, counted from 1. */
  readonly columnInText?: number;
}

/** The parsed text of a topology file: plain values, and the place of each of them. Collects the problems. */
export class Source {
  readonly file: string;
  readonly problems: Problem[] = [];
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();
  readonly #told = new Set<string>();

  constructor(text: string, file: string) {
    this.file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: true });
    for (const error of this.#document.errors) {
      const duplicate = error.code === 'DUPLICATE_KEY';
      this.#add(error.pos[0], '', duplicate ? 'DUPLICATE_KEY' : 'YAML_SYNTAX', {
        message: duplicate ? 'this key is already there' : firstLine(error.message),
        suggestion: duplicate ? 'keep one of them' : null,
        severity: 'error',
      });
    }
    for (const warning of this.#document.warnings) {
      this.#add(warning.pos[0], '', 'YAML_SYNTAX', {
        message: firstLine(warning.message),
        suggestion: null,
        severity: 'warning',
      });
    }
  }

  /** Syntax is so broken that the values would mislead; a key given twice is not. */
  get broken(): boolean {
    return this.problems.some((problem) => problem.code === 'YAML_SYNTAX' && problem.severity === 'error');
  }

  toValue(): unknown {
    try {
      return this.#document.toJS({ maxAliasCount: MAX_ALIASES });
    } catch (error) {
      this.report({
        at: [],
        code: 'YAML_SYNTAX',
        message: firstLine(error instanceof Error ? error.message : String(error)),
        suggestion: 'write the repeated parts out, or use profiles',
      });
      return undefined;
    }
  }

  report(fault: Fault): void {
    const path = formatPath(fault.at);
    // A mistake in a profile shows in each asset that uses it; it is still one mistake.
    const identity = `${fault.code} ${path} ${fault.message}`;
    if (this.#told.has(identity)) return;
    this.#told.add(identity);
    this.#add(this.#offsetOf(fault), path, fault.code, {
      message: fault.message,
      suggestion: fault.suggestion ?? null,
      severity: fault.severity ?? 'error',
    });
  }

  #add(
    offset: number,
    path: string,
    code: ProblemCode,
    said: { message: string; suggestion: string | null; severity: 'error' | 'warning' },
  ): void {
    const { line, col } = this.#lines.linePos(offset);
    this.problems.push({ file: this.file, line: Math.max(line, 1), column: Math.max(col, 1), path, code, ...said });
  }

  /** Offset of the value at the path; where there is none, of the nearest thing around it. */
  #offsetOf(fault: Fault): number {
    let node: Node | null = this.#document.contents;
    let offset = startOf(node);
    for (const [depth, step] of fault.at.entries()) {
      if (isAlias(node)) node = node.resolve(this.#document) ?? null;
      let next: unknown = null;
      if (isMap(node)) {
        const pair = node.items.find(
          (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === `${step}`,
        );
        if (pair === undefined) return offset;
        offset = startOf(pair.key, offset);
        if (depth === fault.at.length - 1 && fault.atKey === true) return offset;
        next = pair.value;
      } else if (isSeq(node) && typeof step === 'number') {
        next = node.items[step];
      }
      if (!isNode(next)) return offset;
      node = next;
      offset = startOf(node, offset);
    }
    if (fault.columnInText !== undefined && isScalar(node) && typeof node.type === 'string') {
      if (node.type === 'PLAIN') return offset + fault.columnInText - 1;
      if (node.type.startsWith('QUOTE')) return offset + fault.columnInText;
    }
    return offset;
  }
}

/** `assets[2].rules[0].metric` */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w$-]+$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** Aliases of aliases grow without a bound. */
const MAX_ALIASES = 1000;

function startOf(node: unknown, otherwise = 0): number {
  return isNode(node) && node.range ? node.range[0] : otherwise;
}

function isNode(value: unknown): value is Node {
  return isAlias(value) || isMap(value) || isSeq(value) || isScalar(value);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}

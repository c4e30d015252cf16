import { z } from 'zod';
import { nearest } from './nearest.ts';
import type { Fault, Path } from './source.ts';

type Issue = z.core.$ZodIssue;

/**
 * Turns what zod found into faults that an author of the file can act upon: an unknown key names the nearest known one, a
 * union names what it takes, a missing key is told from a wrong value.
 */
export function schemaFaults(schema: z.ZodType, value: unknown, issues: readonly Issue[], base: Path = []): Fault[] {
  const faults: Fault[] = [];
  for (const issue of issues) collect({ schema, value, base }, issue, [], faults);
  return faults;
}

interface Subject {
  readonly schema: z.ZodType;
  readonly value: unknown;
  /** Path of the value in the file. */
  readonly base: Path;
}

function collect(subject: Subject, issue: Issue, prefix: Path, faults: Fault[]): void {
  const inner = [...prefix, ...toPath(issue.path)];
  const at = [...subject.base, ...inner];
  switch (issue.code) {
    case 'unrecognized_keys':
      for (const key of issue.keys) faults.push(unknownKey([...at, key], key, knownKeys(subject, inner)));
      return;
    case 'invalid_key':
      faults.push({
        at,
        atKey: true,
        code: 'INVALID_VALUE',
        message: `"${String(inner.at(-1))}" is no valid name`,
        suggestion: issue.issues[0]?.message ?? null,
      });
      return;
    case 'invalid_union':
      collectUnion(subject, issue, inner, faults);
      return;
    case 'invalid_type':
      faults.push(wrongType(subject, issue, inner));
      return;
    case 'invalid_value':
      faults.push(wrongValue(at, valueAt(subject.value, inner), issue.values.map(String)));
      return;
    default:
      faults.push({ at, code: 'INVALID_VALUE', message: lowerFirst(issue.message) });
  }
}

function unknownKey(at: Path, key: string, known: readonly string[]): Fault {
  const near = nearest(key, known);
  const suggestion = near ? `did you mean "${near}"?` : known.length > 0 ? `known here: ${known.join(', ')}` : null;
  return { at, atKey: true, code: 'UNKNOWN_KEY', message: `unknown key "${key}"`, suggestion };
}

function wrongType(subject: Subject, issue: z.core.$ZodIssueInvalidType, inner: Path): Fault {
  const at = [...subject.base, ...inner];
  const given = valueAt(subject.value, inner);
  if (given === undefined && inner.length > 0) {
    const key = String(inner.at(-1));
    return {
      at,
      code: 'MISSING_KEY',
      message: `"${key}" is missing`,
      suggestion: `it takes ${article(issue.expected)}`,
    };
  }
  return {
    at,
    code: 'INVALID_VALUE',
    message: `${describe(given)} stands where ${article(issue.expected)} is expected`,
    suggestion: quotingHint(issue.expected, given),
  };
}

function wrongValue(at: Path, given: unknown, known: readonly string[]): Fault {
  if (given === undefined) {
    return {
      at,
      code: 'MISSING_KEY',
      message: `"${String(at.at(-1))}" is missing`,
      suggestion: `one of ${known.join(', ')}`,
    };
  }
  const near = nearest(String(given), known);
  return {
    at,
    code: 'INVALID_VALUE',
    message: `${describe(given)} is not one of ${known.join(', ')}`,
    suggestion: near ? `did you mean "${near}"?` : null,
  };
}

/** Of the branches of a union, the one the author meant is the one whose keys and type fit. */
function collectUnion(subject: Subject, issue: z.core.$ZodIssueInvalidUnion, inner: Path, faults: Fault[]): void {
  const at = [...subject.base, ...inner];
  const given = valueAt(subject.value, inner);
  if (issue.errors.length === 0) {
    const options = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
    faults.push(wrongValue(at, given, options));
    return;
  }
  const meant = flattenBranches(issue).find((branch) => !branch.some((found) => isForeign(found, given)));
  if (meant) {
    for (const found of meant) collect(subject, found, inner, faults);
    return;
  }
  const known = knownKeys(subject, inner);
  if (isRecord(given) && known.length > 0) {
    const unknown = Object.keys(given).filter((key) => !known.includes(key));
    for (const key of unknown) faults.push(unknownKey([...at, key], key, known));
    if (unknown.length === 0) {
      const keys = Object.keys(given);
      const message = keys.length === 0 ? 'nothing is given' : `${keys.join(' and ')} do not go together`;
      faults.push({ at, code: 'INVALID_VALUE', message, suggestion: `give one of ${known.join(', ')}` });
    }
    return;
  }
  const literals = flattenBranches(issue).flatMap((branch) =>
    branch.flatMap((found) => (found.code === 'invalid_value' ? found.values.map(String) : [])),
  );
  const near = nearest(String(given), literals);
  const takes = [...literals, ...(known.length > 0 ? [`an object with one of ${known.join(', ')}`] : [])];
  const types = flattenBranches(issue).flatMap((branch) =>
    branch.flatMap((found) => (found.code === 'invalid_type' && found.expected !== 'object' ? [found.expected] : [])),
  );
  faults.push({
    at,
    code: 'INVALID_VALUE',
    message: `${describe(given)} is not expected here`,
    suggestion: near ? `did you mean "${near}"?` : `it takes ${[...new Set([...types, ...takes])].join(' or ')}`,
  });
}

function flattenBranches(issue: z.core.$ZodIssueInvalidUnion): Issue[][] {
  return issue.errors.flatMap((branch) => {
    const [only] = branch;
    return branch.length === 1 && only?.code === 'invalid_union' && only.path.length === 0
      ? flattenBranches(only)
      : [branch];
  });
}

/** The branch is about another kind of value: other keys, another type, another literal. */
function isForeign(issue: Issue, given: unknown): boolean {
  if (issue.code === 'unrecognized_keys') return true;
  if (issue.path.length === 0) return issue.code === 'invalid_type' || issue.code === 'invalid_value';
  return valueAt(given, toPath(issue.path)) === undefined && issue.path.length === 1;
}

/** Keys that the schema takes at the path; of a union, those of all the branches that fit the value. */
function knownKeys(subject: Subject, path: Path): string[] {
  let schemas: z.core.$ZodType[] = alternatives(subject.schema, subject.value);
  let value = subject.value;
  for (const step of path) {
    value = valueAt(value, [step]);
    const current = value;
    schemas = schemas.flatMap((schema) => {
      const next = stepInto(schema, step);
      return next ? alternatives(next, current) : [];
    });
  }
  const keys = schemas.flatMap((schema) => (schema instanceof z.ZodObject ? Object.keys(schema.shape) : []));
  return [...new Set(keys)].filter((key) => key !== '$schema');
}

function stepInto(schema: z.core.$ZodType, step: string | number): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodObject) return schema.shape[step];
  if (schema instanceof z.ZodArray) return schema.element;
  if (schema instanceof z.ZodRecord) return schema.valueType;
  return undefined;
}

function alternatives(schema: z.core.$ZodType, value: unknown): z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return alternatives(schema.unwrap(), value);
  }
  if (schema instanceof z.ZodUnion) {
    return schema.options.flatMap((option) => (fitsLiterals(option, value) ? alternatives(option, value) : []));
  }
  return [schema];
}

/** A branch told apart by `driver: modbus` is not the one meant when the value says `driver: mqtt`. */
function fitsLiterals(option: z.core.$ZodType, value: unknown): boolean {
  if (!(option instanceof z.ZodObject) || !isRecord(value)) return true;
  for (const [key, part] of Object.entries(option.shape)) {
    if (part instanceof z.ZodLiteral && key in value && !part.safeParse(value[key]).success) return false;
  }
  return true;
}

export function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const step of path) {
    if (Array.isArray(current) && typeof step === 'number') current = current[step];
    else if (isRecord(current) && Object.hasOwn(current, step)) current = current[step];
    else return undefined;
  }
  return current;
}

export function isRecord(value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toPath(path: readonly PropertyKey[]): Path {
  return path.map((step) => (typeof step === 'number' ? step : String(step)));
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'an empty value';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return JSON.stringify(value);
}

function article(expected: string): string {
  const name = { array: 'list', int: 'whole number', tuple: 'list', record: 'object' }[expected] ?? expected;
  return `${/^[aeiou]/.test(name) ? 'an' : 'a'} ${name}`;
}

/** What YAML makes of plain words surprises most people once. */
function quotingHint(expected: string, given: unknown): string | null {
  if (expected === 'string' && (typeof given === 'number' || typeof given === 'boolean')) {
    return `put it in quotes: "${given}"`;
  }
  return null;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

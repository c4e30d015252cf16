import { z } from 'zod';
import { Connection } from './schema/device.ts';
import type { Path, Source } from './source.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$\{env:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/**
 * Puts the values of environment variables into `connections`: `${env:NAME}` and `${env:NAME:-default}`. Only there, because
 * where the field is reached may differ from host to host, while what the plant is must not.
 */
export function substituteEnvironment(root: unknown, environment: Environment, source: Source): unknown {
  if (!isRecord(root)) return root;
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(root)) {
    result[key] = key === 'connections' ? substitute(value, [key], environment, source) : refuse(value, [key], source);
  }
  return result;
}

function substitute(value: unknown, path: Path, environment: Environment, source: Source): unknown {
  if (Array.isArray(value)) return value.map((item, index) => substitute(item, [...path, index], environment, source));
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, substitute(item, [...path, key], environment, source)]),
    );
  }
  if (typeof value !== 'string' || !value.includes('${env:')) return value;
  const text = value.replace(REFERENCE, (whole, name: string, fallback: string | undefined) => {
    const set = environment[name];
    if (set !== undefined && set !== '') return set;
    if (fallback !== undefined) return fallback;
    source.report({
      at: path,
      code: 'MISSING_ENVIRONMENT',
      message: `the environment variable ${name} is not set`,
      suggestion: `set it, or give a default: \${env:${name}:-value}`,
    });
    return whole;
  });
  const key = path.at(-1);
  const isNumber = typeof key === 'string' && NUMBER_KEYS.has(key) && /^-?\d+(\.\d+)?$/.test(text);
  return isNumber ? Number(text) : text;
}

function refuse(value: unknown, path: Path, source: Source): unknown {
  if (Array.isArray(value)) for (const [index, item] of value.entries()) refuse(item, [...path, index], source);
  else if (isRecord(value)) for (const [key, item] of Object.entries(value)) refuse(item, [...path, key], source);
  else if (typeof value === 'string' && value.includes('${env:')) {
    source.report({
      at: path,
      code: 'ENVIRONMENT_NOT_ALLOWED',
      message: 'environment variables are put in only within connections',
      suggestion: 'write the value itself',
    });
  }
  return value;
}

/** Keys of a connection that hold a number, so that `port: ${env:PORT:-502}` becomes one, and a user name `007` does not. */
const NUMBER_KEYS = numberKeys(z.toJSONSchema(Connection, { io: 'input' }));

function numberKeys(schema: unknown, keys = new Set<string>()): Set<string> {
  if (Array.isArray(schema)) for (const part of schema) numberKeys(part, keys);
  if (!isRecord(schema)) return keys;
  if (isRecord(schema.properties)) {
    for (const [key, property] of Object.entries(schema.properties)) {
      if (isRecord(property) && (property.type === 'integer' || property.type === 'number')) keys.add(key);
    }
  }
  for (const part of Object.values(schema)) numberKeys(part, keys);
  return keys;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

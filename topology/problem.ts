/** A fault of the topology file, told to whoever owns the file: where, what is wrong, what would be right. */
export interface Problem {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1, in characters. */
  readonly column: number;
  /** `assets[2].rules[0].metric`; empty for the file as a whole. */
  readonly path: string;
  readonly code: ProblemCode;
  /** What is wrong. */
  readonly message: string;
  /** What would be right; null when there is nothing better to say than the message. */
  readonly suggestion: string | null;
  readonly severity: 'error' | 'warning';
}

/** Stable: tests and programs rely on the codes, not on the sentences. */
export type ProblemCode = keyof typeof PROBLEM_CODES;

export const PROBLEM_CODES = {
  FILE_UNREADABLE: 'The file cannot be read',
  YAML_SYNTAX: 'The text is not YAML',
  DUPLICATE_KEY: 'A key stands twice in one object',
  UNKNOWN_KEY: 'The format has no such key',
  MISSING_KEY: 'A key that must be there is not',
  INVALID_VALUE: 'A value of the wrong type, form or size',
  MISSING_ENVIRONMENT: '${env:NAME} without a default, and the variable is not set',
  ENVIRONMENT_NOT_ALLOWED: '${env:NAME} outside of connections',
  DUPLICATE_ID: 'Two things of one kind have the same id or name',
  UNKNOWN_REFERENCE: 'Names something that is not in the file',
  INVALID_TIME_ZONE: 'Not an IANA time zone',
  SITE_MISSING: 'An asset without a parent names no site',
  SITE_CONFLICT: 'An asset names another site than its parent has',
  PARENT_CONFLICT: 'An asset listed under one parent names another',
  HIERARCHY_CYCLE: 'An asset is its own ancestor',
  HIERARCHY_TOO_DEEP: 'More than five levels of assets',
  CELL_CONFLICT: 'Things that work together live in different cells',
  FORMULA_SYNTAX: 'A formula cannot be read',
  FORMULA_CYCLE: 'A formula depends on its own result',
  FORMULA_TYPE: 'A formula reads a metric that is no number',
  METRIC_SOURCES: 'A metric is fed from several sources at once',
  METRIC_WITHOUT_SOURCE: 'Nothing feeds a metric of an asset in service',
  UNIT_MISMATCH: 'Point and metric have different units, and no scale is given',
  LINK_VALIDITY: 'A link ends before it begins',
  LINK_CONFLICT: 'Two primary links feed one metric at the same time',
  LINK_WITHOUT_EFFECT: 'A link feeds no metric',
  BACKUP_WITHOUT_PRIMARY: 'A backup link feeds a metric that no primary link feeds',
  RULE_METRIC: 'A rule needs a metric, or must not have one',
  RULE_TYPE: 'A condition does not fit the type of its metric',
  RULE_UNREACHABLE: 'The condition can never hold, or always does',
  RULE_NEVER_CLEARS: 'Once raised, the alarm can never clear',
  RULE_LIMITS_REVERSED: 'The lower limit is not below the upper one',
  RULE_DEADBAND: 'The deadband is wider than the distance of the limits',
  RULE_MESSAGE: 'A message with a placeholder that nothing replaces',
  DUPLICATE_RULE: 'Two rules of an asset say the same',
  DRIVER_MISMATCH: 'Settings of another driver than that of the connection',
  POINT_WITHOUT_ADDRESS: 'A point does not say where its value is found',
  INVALID_URL: 'An address that cannot be reached, or that must not be listened on without a password',
  INVALID_TOPIC: 'A topic template that cannot be read, or whose messages lead to no device or point',
  CREDENTIALS_INCOMPLETE: 'One half of user and password, or of certificate and key',
  SECURITY_CONFLICT: 'Policy and mode of a secure channel that do not go together',
  CONNECTION_CONFLICT: 'Two connections want the same port, line or client id',
  DUPLICATE_ADDRESS: 'Two points of a device are read from the same place',
  POINT_TYPE: 'What the device holds is not of the type of the point',
  NOT_WRITABLE: 'A point is to be written that its protocol only reads',
  WRITE_LIMITS: 'A value may be written that would be a BAD reading',
  STALE_BETWEEN_READINGS: 'A time so short that a value is stale, or a device offline, between two readings',
  SETTING_WITHOUT_EFFECT: 'A setting that changes nothing where it stands',
  FROZEN_WITHOUT_FAULT: 'A point would be called frozen though its sensor is well',
  INVALID_ADDRESS: 'An address that the protocol does not have',
  DUPLICATE_TOPIC_NAME: 'Two devices of one connection have the same name in the topic',
  POLL_SLOWER_THAN_EXPECTED: 'A device is polled less often than readings are expected',
  UNKNOWN_PERMISSION: 'Nothing in the product asks for such a permission',
  UNKNOWN_ROLE: 'No role of this name is shipped or in the file',
  ROLE_SHADOWED: 'A role or permission is covered by another one',
} as const;

/**
 * `demo.yaml:12:9 error UNKNOWN_REFERENCE assets[2].profile: …`, followed by the line of the source and a caret when the
 * source is given.
 */
export function formatProblem(problem: Problem, source?: string): string {
  const { file, line, column, severity, code, path, message, suggestion } = problem;
  const head = `${file}:${line}:${column} ${severity} ${code} ${path === '' ? '' : `${path}: `}${message}`;
  const told = suggestion === null ? head : `${head}; ${suggestion}`;
  const text = source?.split(/\r?\n/, line)[line - 1];
  if (text === undefined) return told;
  const margin = `${line} | `;
  return `${told}\n  ${margin}${text}\n  ${' '.repeat(margin.length + column - 1)}^`;
}

/** A failure with a stable code, listed in the reference; tests assert the code and people read the message. */
export class ErrorWithCode extends Error {
  readonly code: string;
  /** False when trying again cannot help. */
  readonly retryable: boolean;

  constructor(code: string, message: string, options: { readonly cause?: unknown; readonly retryable?: boolean } = {}) {
    super(message, { cause: options.cause });
    this.name = code;
    this.code = code;
    this.retryable = options.retryable ?? true;
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

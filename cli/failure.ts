/** Ends the command with lines that a person can act on. */
export class Failure extends Error {
  readonly lines: readonly string[];

  constructor(...lines: string[]) {
    super(lines[0]);
    this.lines = lines;
  }
}

/** Prints what went wrong, without a stack, and sets the exit code. */
export async function reportFailure(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Failure) for (const line of error.lines) console.error(line);
    else if (error instanceof Error && 'code' in error) console.error(`signalbox: ${error.message}`);
    else console.error('signalbox: an unexpected failure, please report it:', error);
    process.exitCode = 1;
  }
}

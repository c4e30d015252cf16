// A reporter of node:test: prints each file that holds a failed test, one path a line.
import path from 'node:path';

/** @param {AsyncIterable<{ type: string, data: { name: string, file?: string, details?: { error?: { failureType?: string } } } }>} events */
export default async function* failedFiles(events) {
  const files = new Set();
  for await (const { type, data } of events) {
    // Of a suite in which a test failed, that test is told by itself.
    if (type !== 'test:fail' || !data.file || data.details?.error?.failureType === 'subtestsFailed') continue;
    // In a process that several files share, what fails at a file's top level fails in the suite that bears its name.
    files.add(data.name.endsWith('.test.ts') ? data.name : data.file);
  }
  for (const file of files) yield `${path.resolve(file)}\n`;
}

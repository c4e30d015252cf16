// A reporter of node:test: prints each file that holds a failed test, one path a line.
import path from 'node:path';

/** @param {AsyncIterable<{ type: string, data: { file?: string } }>} events */
export default async function* failedFiles(events) {
  const files = new Set();
  for await (const { type, data } of events) if (type === 'test:fail' && data.file) files.add(data.file);
  for (const file of files) yield `${path.resolve(file)}\n`;
}

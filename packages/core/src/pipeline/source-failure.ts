import type { Source, SourceMessage, SourceReadRequest } from '../source.ts';

const failures = new WeakSet<object>();

/** Reads a source, and remembers what it throws as its own. */
export async function* readSource(source: Source, request: SourceReadRequest): AsyncIterable<SourceMessage> {
  const messages = source.read(request)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await own(messages.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await messages.return?.();
  }
}

async function own<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (typeof error === 'object' && error !== null) failures.add(error);
    throw error;
  }
}

/** Whether an error came out of a source, and not out of the destination or a gate. */
export function isFromSource(error: unknown): boolean {
  return typeof error === 'object' && error !== null && failures.has(error);
}

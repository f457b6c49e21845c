import type { StreamMemory } from '../stream.ts';
import type { Pacer } from './pacer.ts';

/**
 * Reads with a pacer that knows what earlier runs, and others with the same token, learned of its
 * quota, and keeps what this reading learns of it, however it ends.
 *
 * @param memory usually `request.quotaMemory`; absent, nothing is remembered.
 * @param key from `quotaKey`.
 */
export async function* paced<T>(
  pacer: Pacer,
  { memory, key }: { readonly memory: StreamMemory | undefined; readonly key: string },
  read: () => AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  const known = await memory?.get(key);
  pacer.restore(known);
  // An account without trouble is not worth a write for each of its windows.
  const keep = async (): Promise<void> => {
    if (memory === undefined || JSON.stringify(pacer.state()) === JSON.stringify(known)) return;
    // Others may have learned something meanwhile.
    pacer.restore(await memory.get(key));
    await memory.set(key, pacer.state());
  };
  let isRead = false;
  try {
    yield* read();
    isRead = true;
    await keep();
  } finally {
    // Why the reading failed matters more than what it learned.
    if (!isRead) await keep().catch(() => undefined);
  }
}

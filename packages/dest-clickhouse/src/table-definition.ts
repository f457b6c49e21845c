import type { OperationOptions } from '@etl/core';
import type { Database } from './database.ts';
import type { ResolvedOptions } from './options.ts';
import { PipelineLock } from './pipeline-lock.ts';

/**
 * Changes the definition of a table or its views while nobody else does. Columns and views are
 * "look, then change": two that do it at once would each change what the other has just looked at.
 * Only who finds something to change comes here, so a load in a steady state never waits.
 */
export async function definingTable<T>(
  database: Database,
  publicName: string,
  options: ResolvedOptions,
  operation: OperationOptions,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await PipelineLock.acquire(database, `definition of ${publicName}`, options, operation, {
    pollMs: 50,
    holds: `defines ${publicName}`,
  });
  try {
    return await work();
  } finally {
    await lock[Symbol.asyncDispose]();
  }
}

import type { LoadSummary, OperationOptions } from '@etl/core';
import type { Database } from './database.ts';
import { loadPrefixes, readManifest } from './manifest.ts';
import { cleanUp, publishPrepared } from './publish.ts';

/**
 * Brings a pipeline to a known state: what is not prepared is given up, what is prepared is
 * completed in order. To be called by the holder of the pipeline only.
 */
export async function recoverPipeline(
  database: Database,
  pipeline: string,
  options: OperationOptions,
): Promise<readonly LoadSummary[]> {
  const prefixes = loadPrefixes(pipeline);
  await dropManifests(database, prefixes.manifest, options);
  const completed = await completeLoads(database, prefixes, options);
  for (const { name } of await database.tables([prefixes.staging], options)) await database.drop(name, options);
  return completed;
}

// Until a listing shows none: a run that is being taken over may create one more after a listing,
// but then it finds its lock gone and never uses it.
async function dropManifests(database: Database, prefix: string, options: OperationOptions): Promise<void> {
  for (;;) {
    const manifests = await database.tables([prefix], options);
    if (manifests.length === 0) return;
    for (const { name } of manifests) await database.drop(name, options);
  }
}

/** Completes the prepared loads under the given name prefixes, oldest first. */
export async function completeLoads(
  database: Database,
  prefixes: { readonly prepared: string; readonly published: string },
  options: OperationOptions,
): Promise<readonly LoadSummary[]> {
  for (const { name } of await database.tables([prefixes.published], options)) {
    await cleanUp(database, await readManifest(database, name, options), options);
  }
  const prepared = await database.tables([prefixes.prepared], options);
  const summaries: LoadSummary[] = [];
  for (const { name } of prepared.sort((a, b) => (numberOf(a.name) < numberOf(b.name) ? -1 : 1))) {
    summaries.push(await publishPrepared(database, await readManifest(database, name, options), options));
  }
  return summaries;
}

function numberOf(name: string): bigint {
  return BigInt(name.slice(name.lastIndexOf('_') + 1));
}

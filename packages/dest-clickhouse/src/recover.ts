import type { LoadSummary, OperationOptions } from '@etl/core';
import type { Database } from './database.ts';
import { claimLoadNumber } from './load-number.ts';
import { loadPrefixes, readManifest } from './manifest.ts';
import type { ResolvedOptions } from './options.ts';
import { cleanUp, publishPrepared } from './publish.ts';

/**
 * Brings a pipeline to a known state: what is not prepared is given up, what is prepared is
 * completed in order. To be called by the holder of the pipeline only.
 */
export async function recoverPipeline(
  database: Database,
  pipeline: string,
  settings: ResolvedOptions,
  options: OperationOptions,
): Promise<readonly LoadSummary[]> {
  // Claimed after the locks of the dead are gone: what a dead run may still use has a lower number,
  // and what a later holder begins, should this run be the one that is taken over, a higher one.
  const bound = await claimLoadNumber(database, options);
  const prefixes = loadPrefixes(pipeline);
  await dropManifests(database, prefixes.manifest, bound, options);
  const completed = await completeLoads(database, prefixes, bound, settings, options);
  for (const { name } of await database.tables([prefixes.staging], options)) {
    if (loadNumberIn(name, prefixes.staging) < bound) await database.drop(name, options);
  }
  return completed;
}

// Until a listing shows none: a run that is being taken over may create one more after a listing,
// but then it finds its lock gone and never uses it.
async function dropManifests(
  database: Database,
  prefix: string,
  bound: bigint,
  options: OperationOptions,
): Promise<void> {
  for (;;) {
    const all = await database.tables([prefix], options);
    const manifests = all.filter(({ name }) => loadNumberIn(name, prefix) < bound);
    if (manifests.length === 0) return;
    for (const { name } of manifests) await database.drop(name, options);
  }
}

/** Completes the prepared loads under the given name prefixes and below the bound, oldest first. */
export async function completeLoads(
  database: Database,
  prefixes: { readonly prepared: string; readonly published: string },
  bound: bigint | undefined,
  settings: ResolvedOptions,
  options: OperationOptions,
): Promise<readonly LoadSummary[]> {
  const isOurs = (name: string): boolean => bound === undefined || numberOf(name) < bound;
  for (const { name } of await database.tables([prefixes.published], options)) {
    if (!isOurs(name)) continue;
    await cleanUp(database, settings, await readManifest(database, name, options), options);
  }
  const prepared = await database.tables([prefixes.prepared], options);
  const summaries: LoadSummary[] = [];
  const ours = prepared.map((table) => table.name).filter(isOurs);
  for (const name of ours.toSorted((a, b) => (numberOf(a) < numberOf(b) ? -1 : 1))) {
    const manifest = await readManifest(database, name, options);
    summaries.push(await publishPrepared(database, settings, manifest, options));
  }
  return summaries;
}

function numberOf(name: string): bigint {
  return BigInt(name.slice(name.lastIndexOf('_') + 1));
}

/** The number right behind the prefix of a pipeline's tables. */
function loadNumberIn(name: string, prefix: string): bigint {
  return BigInt(/^\d+/.exec(name.slice(prefix.length))?.[0] ?? 0);
}

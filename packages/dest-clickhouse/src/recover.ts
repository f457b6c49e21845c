import type { LoadSummary, OperationOptions } from '@etl/core';
import type { Database } from './database.ts';
import { claimLoadNumber } from './load-number.ts';
import { loadPrefixes, readManifest } from './manifest.ts';
import type { ResolvedOptions } from './options.ts';
import { isHeld, PipelineLock } from './pipeline-lock.ts';
import { cleanUp, publishPrepared } from './publish.ts';

/**
 * Brings a pipeline to a known state: what is not prepared is given up, what is prepared is
 * completed in order. To be called by the holder of the pipeline only.
 */
export async function recoverPipeline(
  database: Database,
  pipeline: string,
  settings: ResolvedOptions,
  lock: PipelineLock,
  options: OperationOptions,
): Promise<readonly LoadSummary[]> {
  // Claimed after the locks of the dead are gone: what a dead run may still use has a lower number.
  // Claimed while the lock certainly was held: what a later holder begins, should this run be the one
  // that is taken over, has a higher one.
  const bound = await claimLoadNumber(database, options);
  await lock.verify(options);
  const prefixes = loadPrefixes(pipeline);
  await dropManifests(database, prefixes.manifest, bound, options);
  // Most often nothing is left, which one look tells. It may miss a load that is being renamed from prepared to
  // published: that one is whole, and who renames it, or the next run, tidies up.
  const left = await database.tables([prefixes.prepared, prefixes.published, prefixes.staging], options);
  if (left.length === 0) return [];
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

/**
 * Completes the prepared loads below the bound, oldest first. What is only left to be cleaned up comes
 * last, and a name may be gone by the time it is looked at: the run that made a load may be just about
 * to finish it.
 */
async function completeLoads(
  database: Database,
  prefixes: { readonly prepared: string; readonly published: string },
  bound: bigint,
  settings: ResolvedOptions,
  options: OperationOptions,
): Promise<readonly LoadSummary[]> {
  const summaries: LoadSummary[] = [];
  for (const name of await loadsBelow(database, prefixes.prepared, bound, options)) {
    const manifest = await readManifest(database, name, options);
    if (manifest !== undefined) summaries.push(await publishPrepared(database, settings, manifest, options));
  }
  for (const name of await loadsBelow(database, prefixes.published, bound, options)) {
    const manifest = await readManifest(database, name, options);
    if (manifest !== undefined) await cleanUp(database, settings, manifest, options);
  }
  return summaries;
}

/**
 * Recovers every pipeline that a dead run has left a committed load of. A pipeline that is held is left
 * alone: its holder lives and completes its loads itself. Done by both at once, one of them would find its
 * load gone and take itself for taken over.
 */
export async function completeLoadsOfDead(
  database: Database,
  settings: ResolvedOptions,
  options: OperationOptions,
): Promise<void> {
  for (const pipeline of await pipelinesWithLoads(database, options)) {
    let lock: PipelineLock;
    try {
      lock = await PipelineLock.acquire(database, pipeline, settings, { ...options, waitMs: 0 });
    } catch (error) {
      if (isHeld(error)) continue;
      throw error;
    }
    try {
      await recoverPipeline(database, pipeline, settings, lock, options);
    } finally {
      await lock[Symbol.asyncDispose]();
    }
  }
}

async function pipelinesWithLoads(database: Database, options: OperationOptions): Promise<ReadonlySet<string>> {
  const pipelines = new Set<string>();
  for (const { name } of await database.tables(['_etl_prepared_', '_etl_published_'], options)) {
    const manifest = await readManifest(database, name, options);
    if (manifest !== undefined) pipelines.add(manifest.pipeline);
  }
  return pipelines;
}

async function loadsBelow(
  database: Database,
  prefix: string,
  bound: bigint,
  options: OperationOptions,
): Promise<readonly string[]> {
  const names = (await database.tables([prefix], options)).map(({ name }) => name);
  return names.filter((name) => numberOf(name) < bound).toSorted((a, b) => (numberOf(a) < numberOf(b) ? -1 : 1));
}

function numberOf(name: string): bigint {
  return BigInt(name.slice(name.lastIndexOf('_') + 1));
}

/** The number right behind the prefix of a pipeline's tables. */
function loadNumberIn(name: string, prefix: string): bigint {
  return BigInt(/^\d+/.exec(name.slice(prefix.length))?.[0] ?? 0);
}

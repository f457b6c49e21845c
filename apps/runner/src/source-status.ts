import { EtlError, type SourceHealth } from '@etl/core';
import type { CommandContext } from './command-context.ts';
import { openGroup, readGroups } from './groups.ts';
import { pipelineName } from './pipeline-name.ts';
import { withSource } from './platform.ts';
import { loadPlatform, platformNames } from './registry.ts';

/** What a source says of its side, or why it says nothing. */
export type SourceStatus = SourceHealth | { readonly status: 'unknown'; readonly summary: string };

const PATIENCE_MS = 5000;

/**
 * Asks the sources of the given pipelines how they stand, those that are configured here and have something to
 * say. One that does not answer soon is `unknown`, and never keeps the others from being shown.
 */
export async function sourceStatuses(
  pipelines: readonly string[],
  context: CommandContext,
): Promise<ReadonlyMap<string, SourceStatus>> {
  const wanted = new Set(pipelines);
  const found: [string, Promise<SourceStatus | undefined>][] = [];
  for (const platform of platformNames()) {
    const configured = await readGroups(platform, context.env).catch(() => undefined);
    for (const group of configured?.groups.keys() ?? []) {
      const pipeline = pipelineName(platform, group, context.env);
      if (wanted.has(pipeline)) found.push([pipeline, statusOf(platform, group, context)]);
    }
  }
  const statuses = new Map<string, SourceStatus>();
  for (const [pipeline, status] of found) {
    const settled = await status;
    if (settled !== undefined) statuses.set(pipeline, settled);
  }
  return statuses;
}

async function statusOf(
  platformName: string,
  groupName: string,
  { env, redactor, signal }: CommandContext,
): Promise<SourceStatus | undefined> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    const group = await openGroup(await loadPlatform(platformName), groupName, env);
    if (group.hasHealth !== true) return undefined;
    for (const secret of group.secrets) redactor.add(secret);
    return await withSource(group, async (source) => source.health?.({ signal: patience }));
  } catch (error) {
    signal.throwIfAborted();
    const reason = patience.aborted ? `no answer within ${PATIENCE_MS / 1000} s` : EtlError.from(error).code;
    return { status: 'unknown', summary: reason };
  }
}

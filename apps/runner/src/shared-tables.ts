import { existsSync } from 'node:fs';
import { EtlError, type Destination, type OperationOptions } from '@etl/core';
import type { GroupTargetOfRun } from './group-target.ts';
import { pipelineName, pipelineSuffix } from './pipeline-name.ts';

/**
 * Refuses a run with `PIPELINE_NAME_SUFFIX` that would load the tables of the group's own pipeline: rows
 * have one owner. Said before the source is made, which may leave something behind, such as a slot.
 *
 * @throws `PIPELINE_SUFFIX_SHARED` (config).
 */
export async function refuseSharedTables(
  { platform, group, pipeline, dataset, destination: place }: GroupTargetOfRun,
  destination: Destination,
  env: NodeJS.ProcessEnv,
  options: OperationOptions & { readonly waitMs?: number | undefined },
): Promise<void> {
  if (pipelineSuffix(env) === '' || dataset !== group.target.dataset) return;
  // Looking at an embedded database that is not there would make it.
  if ('path' in place.address && !existsSync(place.address.path)) return;
  const own = pipelineName(platform.name, group.name, {});
  const view = await destination.inspect(options);
  if (!(await view.pipelines()).includes(own)) return;
  throw new EtlError({
    code: 'PIPELINE_SUFFIX_SHARED',
    kind: 'config',
    message: `${pipeline} has positions of its own but would load the tables of ${own} (${dataset}), whose rows have one owner.`,
    hint: `For a trial give --dataset ${dataset}_smoke as well. For a backfill leave PIPELINE_NAME_SUFFIX out: a backfill moves no position, and goes on where it was stopped.`,
    context: { pipeline, owner: own },
  });
}

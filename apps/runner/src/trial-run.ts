import { EtlError } from '@etl/core';
import { pipelineSuffix } from './pipeline-name.ts';
import { UsageError } from './usage-error.ts';

/**
 * The dataset of a run: the group's own, or with `--dataset` another one for a trial beside it, whose
 * positions `PIPELINE_NAME_SUFFIX` keeps apart.
 *
 * @throws `PIPELINE_SUFFIX_SCHEDULED` (config) where a schedule would run into the trial instead of the tables, and
 * usage errors that name the option.
 */
export function datasetOf(own: string, option: string | undefined, env: NodeJS.ProcessEnv): string {
  const suffix = pipelineSuffix(env);
  if (suffix !== '' && env['GITHUB_EVENT_NAME'] === 'schedule') {
    throw new EtlError({
      code: 'PIPELINE_SUFFIX_SCHEDULED',
      kind: 'config',
      message: 'PIPELINE_NAME_SUFFIX is set in a scheduled run, which would leave the real tables as they are.',
      hint: 'Take the variable out of the schedule; it is for runs that a person starts.',
    });
  }
  if (option === undefined) return own;
  if (!/^[a-z_][a-z0-9_]{0,63}$/.test(option)) {
    throw new UsageError({
      code: 'DATASET_INVALID',
      message: '--dataset is not a name of lowercase letters, digits and underscores.',
      hint: 'Write it like --dataset fb_smoke.',
    });
  }
  if (suffix === '' && option !== own) {
    throw new UsageError({
      code: 'DATASET_UNSUFFIXED',
      message: `--dataset ${option} would share its positions with the tables of ${own}.`,
      hint: 'Set PIPELINE_NAME_SUFFIX as well (PIPELINE_NAME_SUFFIX=_smoke), so that the trial has its own.',
    });
  }
  return option;
}

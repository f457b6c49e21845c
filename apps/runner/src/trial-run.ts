import { EtlError } from '@etl/core/errors';
import { askedDataset, type AskedDataset } from './dataset-variable.ts';
import { pipelineSuffix } from './pipeline-name.ts';
import { UsageError } from './usage-error.ts';

/**
 * The dataset of a run: the group's own, or with `--dataset`, or else the variable of its platform, another one for
 * a trial beside it, whose positions `PIPELINE_NAME_SUFFIX` keeps apart.
 *
 * @throws `PIPELINE_SUFFIX_SCHEDULED` (config) where a schedule would run into the trial instead of the tables, what
 * `askedDataset` throws, and usage errors that name the option or the variable.
 */
export function datasetOf(platform: string, own: string, option: string | undefined, env: NodeJS.ProcessEnv): string {
  const suffix = pipelineSuffix(env);
  if (suffix !== '' && env['GITHUB_EVENT_NAME'] === 'schedule') {
    throw new EtlError({
      code: 'PIPELINE_SUFFIX_SCHEDULED',
      kind: 'config',
      message: 'PIPELINE_NAME_SUFFIX is set in a scheduled run, which would leave the real tables as they are.',
      hint: 'Take the variable out of the schedule; it is for runs that a person starts.',
    });
  }
  const byVariable = askedDataset(platform, own, env);
  const asked = option === undefined ? byVariable : validOption(option);
  if (asked === undefined) return own;
  if (suffix === '' && asked.name !== own) {
    throw new UsageError({
      code: 'DATASET_UNSUFFIXED',
      message: `${asked.by} ${asked.name} would share its positions with the tables of ${own}.`,
      hint: 'Set PIPELINE_NAME_SUFFIX as well (PIPELINE_NAME_SUFFIX=_smoke), so that the trial has its own.',
    });
  }
  return asked.name;
}

function validOption(name: string): AskedDataset {
  if (/^[a-z_][a-z0-9_]{0,63}$/.test(name)) return { by: '--dataset', name };
  throw new UsageError({
    code: 'DATASET_INVALID',
    message: '--dataset is not a name of lowercase letters, digits and underscores.',
    hint: 'Write it like --dataset fb_smoke.',
  });
}

import { EtlError } from '@etl/core/errors';

/** Names the state of one group; the suffix makes a pipeline of its own out of the same group. */
export function pipelineName(platform: string, group: string, env: NodeJS.ProcessEnv): string {
  return `${platform}_${group}${pipelineSuffix(env)}`;
}

/** @throws `PIPELINE_SUFFIX_INVALID` (config). */
export function pipelineSuffix(env: NodeJS.ProcessEnv): string {
  const suffix = env['PIPELINE_NAME_SUFFIX'] ?? '';
  if (/^[A-Za-z0-9_-]{0,64}$/.test(suffix)) return suffix;
  throw new EtlError({
    code: 'PIPELINE_SUFFIX_INVALID',
    kind: 'config',
    message: 'PIPELINE_NAME_SUFFIX holds something else than letters, digits, _ and -, or is too long.',
    hint: 'Write it like _smoke.',
  });
}

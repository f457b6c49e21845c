/** Names the state of one group; the suffix makes a pipeline of its own out of the same group. */
export function pipelineName(platform: string, group: string, env: NodeJS.ProcessEnv): string {
  return `${platform}_${group}${pipelineSuffix(env)}`;
}

export function pipelineSuffix(env: NodeJS.ProcessEnv): string {
  return env['PIPELINE_NAME_SUFFIX'] ?? '';
}

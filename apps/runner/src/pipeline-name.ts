/** Names the state of one group; the suffix makes a state of its own over the same tables. */
export function pipelineName(platform: string, group: string, env: NodeJS.ProcessEnv): string {
  return `${platform}_${group}${env['PIPELINE_NAME_SUFFIX'] ?? ''}`;
}

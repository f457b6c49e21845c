/** The environment variable that may hold the groups of a platform. */
export function groupsVariable(platform: string): string {
  return `ETL_GROUPS_${platform.toUpperCase().replaceAll('-', '_')}`;
}

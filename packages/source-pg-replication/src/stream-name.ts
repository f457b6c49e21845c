/** Name of the stream of a table: the table's own, with its schema in front unless that is `public`. */
export function streamName(schema: string, table: string): string {
  return schema === 'public' ? table : `${schema}__${table}`;
}

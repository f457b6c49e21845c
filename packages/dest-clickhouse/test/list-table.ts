import type { Destination, Row, StreamSpec } from '@etl/core';
import type { ClickHouseFixture } from './clickhouse-fixture.ts';

export const LIST: StreamSpec = {
  name: 'list',
  columns: [{ name: 'id', type: 'int64', nullable: false }],
  primaryKey: ['id'],
  writeDisposition: 'replace',
};

/** One load of a pipeline, committed. */
export async function load(
  { destination }: { readonly destination: Destination },
  rows: readonly Row[],
  { pipeline = 'p', spec = LIST }: { readonly pipeline?: string; readonly spec?: StreamSpec } = {},
): Promise<void> {
  await using session = await destination.open(pipeline);
  await using open = await session.beginLoad();
  await open.prepare(spec);
  await open.write('list', rows);
  await open.commit([]);
}

export async function generations(fixture: ClickHouseFixture): Promise<readonly string[]> {
  const rows = await fixture.query<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = '${fixture.options.database}' AND startsWith(name, '_raw_') ORDER BY name`,
  );
  return rows.map(({ name }) => name);
}

import type { SourceReadRequest, StreamOutlook } from '@etl/core';
import type { Client } from 'pg';
import { describeTables, readTypes, type CatalogTable } from './catalog.ts';
import { readTablePosition } from './position.ts';
import { streamName } from './stream-name.ts';
import { findDrift } from './table-drift.ts';
import type { TypeRow } from './value-type.ts';

/** Which of the tables a reading would copy, and which would go on from where they stood. */
export async function tableOutlook(
  control: Client,
  tables: readonly CatalogTable[],
  published: { readonly version: number; readonly publication: string },
  { state = [], streams, fullRefresh = false }: Pick<SourceReadRequest, 'state' | 'streams' | 'fullRefresh'>,
): Promise<readonly StreamOutlook[]> {
  const oids = tables.map(({ oid }) => oid);
  // Positions speak of tables as they are published; a new one may not be yet.
  const now = new Map((await describeTables(control, oids, published)).map((table) => [table.oid, table]));
  const types = new Map<number, TypeRow>();
  const found: StreamOutlook[] = [];
  for (const table of tables) {
    const stream = streamName(table.schema, table.table);
    const isSelected = streams?.includes(stream) ?? true;
    const copy = {
      stream,
      begins: 'copy',
      // Negative as long as nobody has analyzed the table.
      ...(table.estimatedRows < 0 ? {} : { estimatedRows: table.estimatedRows }),
    } as const;
    const position = readTablePosition(state, stream);
    if (position === undefined || (fullRefresh && isSelected)) {
      if (isSelected) found.push(position === undefined ? copy : { ...copy, reason: 'a full refresh' });
      continue;
    }
    const current = now.get(table.oid) ?? table;
    const columns = [...current.columns.map(({ type }) => type), ...position.columns.map(([, , type]) => type)];
    await readTypes(control, columns, types);
    const drift = await findDrift(control, position, current, types);
    found.push(drift.type === 'resync' ? { ...copy, reason: drift.reason } : { stream, begins: 'changes' });
  }
  return found;
}

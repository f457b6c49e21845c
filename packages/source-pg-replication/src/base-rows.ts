import { EtlError, type Row, type RowLookup } from '@etl/core';

/** A row some of whose values the log left out. */
export interface IncompleteRow {
  readonly row: Record<string, unknown>;
  /** Columns whose values are those of the row that has {@link IncompleteRow.baseKey} at the destination. */
  readonly missing: readonly string[];
  readonly baseKey: Row;
}

const LOOKUP_KEYS = 5000;

/** Completes rows with what the destination holds of them. @throws {@link BASE_ROW_MISSING} (state). */
export async function completeRows(
  stream: string,
  incomplete: readonly IncompleteRow[],
  lookup: RowLookup,
): Promise<void> {
  for (let at = 0; at < incomplete.length; at += LOOKUP_KEYS) {
    const page = incomplete.slice(at, at + LOOKUP_KEYS);
    const columns = [...new Set(page.flatMap(({ missing }) => missing))];
    const found = await lookup(
      stream,
      page.map(({ baseKey }) => baseKey),
      columns,
    );
    page.forEach(({ row, missing }, index) => {
      const base = found[index];
      if (base === undefined) throw baseMissing(stream);
      for (const name of missing) row[name] = base[name];
    });
  }
}

/** A row whose unchanged values are not at the destination: the table has to be copied anew. */
export const BASE_ROW_MISSING = 'PG_BASE_ROW_MISSING';

function baseMissing(stream: string): EtlError {
  return new EtlError({
    code: BASE_ROW_MISSING,
    kind: 'state',
    message: `A row of ${stream} was updated at the source that the destination does not have.`,
    hint: 'The table is copied anew.',
    context: { stream },
  });
}

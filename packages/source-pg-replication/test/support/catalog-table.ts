import type { CatalogTable } from '../../src/catalog.ts';

export type TestColumn = readonly [name: string, type: number, modifier?: number];

/** What the catalog says of a table `items`. */
export function catalogTable(columns: readonly TestColumn[], key: readonly string[]): CatalogTable {
  return {
    oid: 7,
    schema: 'public',
    table: 'items',
    kind: 'r',
    identity: 'd',
    columns: columns.map(([name, type, modifier = -1], index) => ({
      number: index + 1,
      name,
      type,
      modifier,
      hasMissing: false,
      isPublished: true,
      isGenerated: false,
    })),
    key: [...key],
    isKeyDeferrable: false,
    filenodes: [1],
    leaves: [],
    columnsXmin: '',
    lastColumn: 0,
    shapes: [],
    publicationRelation: 1,
    rowFilter: null,
    estimatedRows: 0,
    isReadable: true,
    identityCandidate: null,
  };
}

import type { ColumnInfo } from './database.ts';
import { identifier } from './identifier.ts';
import { fits, variantSuffix, widened } from './type-fit.ts';
import type { PlannedColumn } from './table-plan.ts';

const MARK = 'variant of ';

/** A column that has to be added to a table. */
export interface AddedColumn extends PlannedColumn {
  /** The rest of its definition. */
  readonly definition: string;
  readonly comment: string;
}

/** Where the values of a declared column go, and what has to be added for that. */
export interface Resolution {
  readonly column: PlannedColumn;
  readonly added?: AddedColumn;
}

/**
 * Finds the column of the table that takes the values of a declared column.
 *
 * A column's type never changes. Where the declared type is wider, a variant column is added whose
 * `DEFAULT` casts the column before it; readers see the newest variant under the column's name, so
 * old and new rows have one type and nothing is rewritten.
 *
 * @returns `undefined` when the column is part of the key, which cannot have variants.
 */
export function resolveColumn(
  declared: PlannedColumn,
  actual: readonly ColumnInfo[],
  isKey: boolean,
): Resolution | undefined {
  const family = familyOf(declared.name, actual);
  const newest = family.at(-1);
  if (newest === undefined) return { column: declared, added: { ...declared, definition: '', comment: '' } };
  const same = family.findLast(({ type }) => type === declared.type);
  if (same !== undefined) return { column: { name: same.name, type: same.type } };
  if (isKey) return undefined;
  if (fits(declared.type, newest.type)) return { column: { name: newest.name, type: newest.type } };
  const type = widened(newest.type, declared.type);
  const column = { name: `${declared.name}__${variantSuffix(type)}`, type };
  const cast = `DEFAULT CAST(${identifier(newest.name)}, '${type.replaceAll("'", "\\'")}')`;
  const comment = MARK + declared.name;
  return { column, added: { ...column, definition: `${cast} COMMENT '${comment}'`, comment } };
}

/** The columns that readers see: every column under its own name, read from its newest variant. */
export function readableColumns(
  columns: readonly ColumnInfo[],
): readonly { readonly name: string; readonly source: string; readonly type: string }[] {
  return columns
    .filter(({ comment }) => !isVariant(comment))
    .map(({ name }) => {
      const newest = familyOf(name, columns).at(-1);
      return { name, source: newest?.name ?? name, type: newest?.type ?? '' };
    });
}

function familyOf(name: string, columns: readonly ColumnInfo[]): readonly ColumnInfo[] {
  const own = columns.find((column) => column.name === name && !isVariant(column.comment));
  return own === undefined ? [] : [own, ...columns.filter(({ comment }) => comment === MARK + name)];
}

function isVariant(comment: string | undefined): boolean {
  return comment?.startsWith(MARK) === true;
}

import type { ColumnInfo } from './database.ts';
import { identifier } from './identifier.ts';
import { fits, nullableType, variantSuffix, widened } from './type-fit.ts';
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
  { isKey, names }: { readonly isKey: boolean; readonly names: ReadonlySet<string> },
): Resolution | undefined {
  const family = familyOf(declared.name, actual);
  const newest = family.at(-1);
  if (newest === undefined) {
    // The rows that are there have no value for it, which 0 or empty text would hide.
    const type = isKey || !canBeNull(declared) ? declared.type : (nullableType(declared.type) ?? declared.type);
    const column = { name: declared.name, type };
    return { column, added: { ...column, definition: '', comment: '' } };
  }
  const same = family.findLast(({ type }) => type === declared.type);
  if (same !== undefined) return { column: { name: same.name, type: same.type } };
  if (isKey) return undefined;
  if (fits(declared.type, newest.type)) return { column: { name: newest.name, type: newest.type } };
  const added = variantOf(declared.name, newest, widened(newest.type, declared.type), names);
  return { column: { name: added.name, type: added.type }, added };
}

/** A column that the source no longer has, as {@link Resolution}: what takes its NULLs. */
export interface Vanished extends Resolution {
  readonly declared: string;
}

/**
 * What takes the NULLs of columns that the table has and the source no longer brings: rows without a value
 * must not read as 0 or as empty text. An array without a value is empty, and nothing else.
 */
export function vanishedColumns(
  declared: ReadonlySet<string>,
  actual: readonly ColumnInfo[],
  names: ReadonlySet<string>,
): readonly Vanished[] {
  return actual
    .filter((column) => !declared.has(column.name) && canBeNull(column) && !isVariant(column.comment))
    .flatMap(({ name }): readonly Vanished[] => {
      const family = familyOf(name, actual);
      const newest = family.at(-1);
      if (newest === undefined || !canBeNull(newest)) return [];
      const type = nullableType(newest.type);
      // Left out, a variant would be a cast of what is left out before it.
      if (type === undefined)
        return family.length === 1 ? [] : [{ declared: name, column: { name: newest.name, type: newest.type } }];
      const added = variantOf(name, newest, type, names);
      return [{ declared: name, column: { name: added.name, type }, added }];
    });
}

/** Whether a column holds variants of another, so that no source column can have its name. */
export function isTaken(name: string, actual: readonly ColumnInfo[]): boolean {
  return actual.some((column) => column.name === name && isVariant(column.comment));
}

function variantOf(name: string, newest: ColumnInfo, type: string, taken: ReadonlySet<string>): AddedColumn {
  const cast = castDefault(newest.name, type);
  const comment = MARK + name;
  const wanted = `${name}__${variantSuffix(type)}`;
  // A type can come again as one that may be absent, and a source may have a column of that name.
  let free = wanted;
  for (let count = 2; taken.has(free); count += 1) free = `${wanted}_${count}`;
  return { name: free, type, definition: `${cast} COMMENT '${comment}'`, comment };
}

/** What a variant is in rows that have a value in the column before it only. */
export function castDefault(before: string, type: string): string {
  return `DEFAULT CAST(${identifier(before)}, '${type.replaceAll("'", "\\'")}')`;
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

/** Arrays have no NULL, and the loader's own columns always a value. */
function canBeNull({ name, type }: PlannedColumn): boolean {
  return !type.startsWith('Array(') && !name.startsWith('_etl_');
}

function familyOf(name: string, columns: readonly ColumnInfo[]): readonly ColumnInfo[] {
  const own = columns.find((column) => column.name === name && !isVariant(column.comment));
  return own === undefined ? [] : [own, ...columns.filter(({ comment }) => comment === MARK + name)];
}

function isVariant(comment: string | undefined): boolean {
  return comment?.startsWith(MARK) === true;
}

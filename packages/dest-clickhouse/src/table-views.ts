import { createHash } from 'node:crypto';
import { EtlError, type OperationOptions } from '@etl/core';
import type { ColumnInfo, Database, TableInfo } from './database.ts';
import { identifier, literal } from './identifier.ts';
import { nestedGroups, type NestedField } from './nested-columns.ts';
import { RAW_PREFIX, rawName } from './raw-table.ts';
import { childName, LIST_INDEX_COLUMN, type ChildOf, type TablePlan } from './table-plan.ts';
import { readableColumns } from './variant-columns.ts';

/** A view as it should stand. */
export interface View {
  readonly name: string;
  readonly select: string;
  /** The stream, or the nested column of it, that the view shows. */
  readonly owner: string;
  /** Names what the view reads, so that one look-up tells whether it has to be replaced. */
  readonly comment: string;
}

const MARK = 'etl view ';

/**
 * With `INVOKER` all views in one statement share its snapshot of a raw table, so a parent joined
 * with its children is never torn; with `DEFINER` each view takes a snapshot of its own.
 */
const SECURITY = 'INVOKER';

/**
 * The views of a table that has the given columns, in the order in which they have to be made.
 *
 * A table without nested columns has one. With nested columns, the public view and those of its
 * children read one more view, and only that one names a generation: switching it switches parent
 * and children together.
 */
export function viewsOf(
  database: Database,
  plan: TablePlan,
  generation: bigint,
  columns: readonly ColumnInfo[],
): readonly View[] {
  const raw = `${database.table(rawName(plan.publicName, generation))} FINAL`;
  const groups = nestedGroups(columns);
  const scalars = readableColumns(columns).filter(({ name }) => !name.startsWith('_etl_') && !name.includes('.'));
  const visible = [
    ...scalars.map(({ name, source }) =>
      name === source ? identifier(name) : `${identifier(source)} AS ${identifier(name)}`,
    ),
    `_etl_load_id AS ${systemColumn(plan, 'load_id')}`,
  ];
  if (plan.childOf !== undefined) visible.push(...childTableColumns(plan, plan.childOf));
  if (groups.size === 0) {
    if (plan.childTables !== undefined) visible.push(`${rowId(plan.orderBy)} AS ${systemColumn(plan, 'id')}`);
    return [viewOf(plan.publicName, ownerOf(plan), `SELECT ${visible.join(', ')} FROM ${raw}`)];
  }
  const base = RAW_PREFIX + plan.publicName;
  const stored = columns.filter(({ name }) => name !== '_etl_version' && name !== '_etl_deleted');
  const views = [
    viewOf(base, plan.stream, `SELECT ${stored.map(({ name }) => identifier(name)).join(', ')} FROM ${raw}`),
    viewOf(
      plan.publicName,
      plan.stream,
      `SELECT ${[...visible, `${rowId(plan.orderBy)} AS ${systemColumn(plan, 'id')}`].join(', ')} FROM ${database.table(base)}`,
    ),
  ];
  for (const [path, fields] of groups) {
    const select = childSelect(database.table(base), plan, path, fields, columns);
    views.push(viewOf(childName(plan, path), `${plan.stream}.${path}`, select));
  }
  return views;
}

function viewOf(name: string, owner: string, select: string): View {
  const hash = createHash('sha256').update(`${SECURITY} ${select}`).digest('hex').slice(0, 32);
  return { name, select, owner, comment: `${MARK}${hash} of ${owner}` };
}

function systemColumn(plan: TablePlan, name: string): string {
  return identifier(`${plan.systemPrefix}_${name}`);
}

/** The same id for the same key, whichever load wrote the row and whatever width its integers have. */
function rowId(key: readonly string[]): string {
  return `lower(hex(sipHash128(${key.map((name) => `toString(${identifier(name)})`).join(', ')})))`;
}

/** The id of an object: the same whether it lives in its parent's row or in a table of its own. */
function childId(parentId: string, path: string, position: string): string {
  return `lower(hex(sipHash128(${parentId}, ${literal(path)}, toString(${position}))))`;
}

/** What people read of a child table besides its columns, as in the views of nested columns. */
function childTableColumns(plan: TablePlan, { path, orderBy }: ChildOf): readonly string[] {
  const parentId = rowId(orderBy);
  const index = identifier(LIST_INDEX_COLUMN);
  return [
    `toInt64(${index}) AS ${systemColumn(plan, 'list_idx')}`,
    `${parentId} AS ${systemColumn(plan, 'parent_id')}`,
    `${parentId} AS ${systemColumn(plan, 'root_id')}`,
    `${childId(parentId, path, `${index} + 1`)} AS ${systemColumn(plan, 'id')}`,
  ];
}

function ownerOf({ stream, childOf }: TablePlan): string {
  return childOf === undefined ? stream : `${childOf.stream}.${childOf.path}`;
}

// Aliases of our own inside, because a field may be named as a column of the parent.
function childSelect(
  base: string,
  plan: TablePlan,
  path: string,
  fields: readonly NestedField[],
  columns: readonly ColumnInfo[],
): string {
  const names = new Set(fields.map(({ name }) => name));
  const keys = plan.orderBy.filter(
    (key) => !names.has(key) && columns.some(({ name }) => name === key) && !key.startsWith('_etl_'),
  );
  const inner = [
    `${rowId(plan.orderBy)} AS parent_id_`,
    ...keys.map((key, index) => `${identifier(key)} AS key_${index}_`),
    ...fields.map(({ source }, index) => `${identifier(source)} AS field_${index}_`),
  ];
  const joined = [
    ...fields.map((_, index) => `field_${index}_ AS value_${index}_`),
    'arrayEnumerate(field_0_) AS position_',
  ];
  const outer = [
    ...keys.map((key, index) => `key_${index}_ AS ${identifier(key)}`),
    ...fields.map(({ name }, index) => `value_${index}_ AS ${identifier(name)}`),
    `toInt64(position_) - 1 AS ${systemColumn(plan, 'list_idx')}`,
    `parent_id_ AS ${systemColumn(plan, 'parent_id')}`,
    `parent_id_ AS ${systemColumn(plan, 'root_id')}`,
    `${childId('parent_id_', path, 'position_')} AS ${systemColumn(plan, 'id')}`,
  ];
  return `SELECT ${outer.join(', ')} FROM (SELECT ${inner.join(', ')} FROM ${base}) ARRAY JOIN ${joined.join(', ')}`;
}

/** What stands at the names of a table's views and next to them, the generations behind them included. */
export async function presentViews(
  database: Database,
  plan: TablePlan,
  views: readonly View[],
  options?: OperationOptions,
): Promise<ReadonlyMap<string, TableInfo>> {
  // A long child's name need not start as its parent's does.
  const names = new Set([plan.publicName, RAW_PREFIX + plan.publicName, ...views.map(({ name }) => name)]);
  const tables = await database.tables([...names], options);
  return new Map(tables.map((table) => [table.name, table]));
}

/**
 * @throws `CLICKHOUSE_NAME_TAKEN` (schema) when something that is not ours stands in the place of a
 * view, and `CLICKHOUSE_TABLES_COLLIDE` (schema) when a view of another stream does.
 */
export function requireOwnNames(
  database: Database,
  views: readonly View[],
  present: ReadonlyMap<string, TableInfo>,
): void {
  for (const { name, owner } of views) {
    const table = present.get(name);
    if (table === undefined) continue;
    const other = /^etl view \w+ of (.*)$/.exec(table.comment)?.[1];
    if (other === owner) continue;
    if (other !== undefined) throw tablesCollide(name, other, owner);
    throw new EtlError({
      code: 'CLICKHOUSE_NAME_TAKEN',
      kind: 'schema',
      message: `${database.name}.${name} exists already and was not made by this loader (${table.engine}).`,
      hint: 'Choose another dataset (--dataset), or move the old table away; it is never touched.',
    });
  }
}

/** Two streams, or a stream and the children of another, that would be one table. */
export function tablesCollide(name: string, one: string, other: string): EtlError {
  return new EtlError({
    code: 'CLICKHOUSE_TABLES_COLLIDE',
    kind: 'schema',
    message: `The streams ${one} and ${other} would both be loaded into ${name}.`,
    hint: 'Leave one of them out, or rename it at the source.',
  });
}

/** Whether the public names read the generation as they should. */
export async function areViewsCurrent(
  database: Database,
  plan: TablePlan,
  generation: bigint,
  options?: OperationOptions,
): Promise<boolean> {
  const columns = await database.columns(rawName(plan.publicName, generation), options);
  const views = viewsOf(database, plan, generation, columns);
  return areCurrent(views, await presentViews(database, plan, views, options));
}

export function areCurrent(views: readonly View[], present: ReadonlyMap<string, TableInfo>): boolean {
  return views.every(({ name, comment }) => present.get(name)?.comment === comment);
}

/**
 * Makes the public names read a generation with all its columns. Compares first, so it costs two
 * look-ups when nothing changed; replacing one view is atomic for readers.
 */
export async function refreshViews(
  database: Database,
  plan: TablePlan,
  generation: bigint,
  options?: OperationOptions,
): Promise<void> {
  const columns = await database.columns(rawName(plan.publicName, generation), options);
  const views = viewsOf(database, plan, generation, columns);
  const present = await presentViews(database, plan, views, options);
  for (const view of views) {
    if (areCurrent([view], present)) continue;
    await database.command(createView(database, view), options);
  }
}

export function createView(database: Database, view: View): string {
  return (
    `CREATE OR REPLACE VIEW ${database.table(view.name)} SQL SECURITY ${SECURITY} AS ${view.select} ` +
    `COMMENT ${literal(view.comment)}`
  );
}

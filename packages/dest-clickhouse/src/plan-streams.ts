import { EtlError, type DestinationPlan, type OperationOptions, type StreamPlan, type StreamSpec } from '@etl/core';
import { familyOf } from './child-table.ts';
import type { Connection } from './connection.ts';
import type { ColumnInfo, Database } from './database.ts';
import { isReplacedWhole, makesGeneration, tableNames } from './load-stream.ts';
import { lookAtDatabase } from './open-database.ts';
import type { ResolvedOptions } from './options.ts';
import { definingStatements, lookAtTable, type PreparedTable } from './prepare-table.ts';
import { createRawTable, generations, rawName } from './raw-table.ts';
import { contractOf } from './schema-contract.ts';
import { missingSystemTables } from './system-tables.ts';
import { planTable, type TablePlan } from './table-plan.ts';
import { areCurrent, createView, presentViews, tablesCollide, viewsOf } from './table-views.ts';

/** What a load of the streams would define. Reads only what stands in the database. */
export async function planStreams(
  connection: Connection,
  options: ResolvedOptions,
  streams: readonly StreamSpec[],
  operation: OperationOptions,
): Promise<DestinationPlan> {
  const { database, isMissing } = await lookAtDatabase(connection, options, operation);
  const statements = [
    ...(isMissing ? [database.flavour.createDatabase(options.database)] : []),
    ...(await missingSystemTables(database, operation)),
  ];
  const owners = new Map<string, string>();
  const plans: StreamPlan[] = [];
  for (const stream of streams) plans.push(...(await planStream(database, options, stream, owners, operation)));
  return { statements, streams: plans };
}

async function planStream(
  database: Database,
  options: ResolvedOptions,
  stream: StreamSpec,
  owners: Map<string, string>,
  operation: OperationOptions,
): Promise<readonly StreamPlan[]> {
  const plans: StreamPlan[] = [];
  try {
    const { parent, children } = familyOf(stream);
    for (const member of [parent, ...children]) {
      const plan = planTable(member, options);
      requireOwnTables(plan, owners);
      plans.push(await planOf(database, member, plan, operation));
    }
    return plans;
  } catch (error) {
    if (!EtlError.isInstance(error) || (error.kind !== 'schema' && error.kind !== 'config')) throw error;
    return [...plans, { stream: stream.name, table: stream.name, changes: [], conflict: error, statements: [] }];
  }
}

function requireOwnTables(plan: TablePlan, owners: Map<string, string>): void {
  for (const name of tableNames(plan)) {
    const other = owners.get(name);
    if (other !== undefined && other !== plan.stream) throw tablesCollide(name, other, plan.stream);
    owners.set(name, plan.stream);
  }
}

async function planOf(
  database: Database,
  stream: StreamSpec,
  plan: TablePlan,
  operation: OperationOptions,
): Promise<StreamPlan> {
  const table = await lookAtTable(database, plan, contractOf(stream), operation);
  const becomesNew = isReplacedWhole(stream) && makesGeneration(plan, table.conflict);
  // What is made anew is not created before.
  const defining = becomesNew && table.generation === undefined ? [] : definingStatements(database, plan, table);
  const { conflict } = becomesNew ? { conflict: undefined } : table;
  const rest = becomesNew
    ? await replacement(database, plan, operation)
    : conflict === undefined
      ? await viewStatements(database, plan, table, operation)
      : [];
  return {
    stream: plan.stream,
    table: plan.publicName,
    changes: table.changes,
    ...(conflict === undefined ? {} : { conflict }),
    statements: [...defining, ...rest],
  };
}

/** The views as they will stand over the columns that the table has then. */
async function viewStatements(
  database: Database,
  plan: TablePlan,
  table: PreparedTable,
  operation: OperationOptions,
): Promise<readonly string[]> {
  const generation = table.generation ?? 0n;
  const present =
    table.generation === undefined
      ? plan.columns
      : await database.columns(rawName(plan.publicName, generation), operation);
  const columns: readonly ColumnInfo[] = [...present, ...table.additions];
  const views = viewsOf(database, plan, generation, columns);
  const standing = await presentViews(database, plan, views, operation);
  return views.filter((view) => !areCurrent([view], standing)).map((view) => createView(database, view));
}

const LOAD_NUMBER = 2n ** 64n - 1n;

/** The table anew, and what it replaces dropped. */
async function replacement(
  database: Database,
  plan: TablePlan,
  operation: OperationOptions,
): Promise<readonly string[]> {
  const older = await generations(database, plan.publicName, operation);
  return [
    createRawTable(database, plan, LOAD_NUMBER),
    ...viewsOf(database, plan, LOAD_NUMBER, plan.columns).map((view) => createView(database, view)),
    ...older.map((generation) => database.dropStatement(rawName(plan.publicName, generation))),
  ].map((statement) =>
    // The comment of a view holds a hash of what it selects, the number included.
    statement.replaceAll(String(LOAD_NUMBER), '<load number>').replace(/(COMMENT 'etl view )[0-9a-f]+/, '$1<hash>'),
  );
}

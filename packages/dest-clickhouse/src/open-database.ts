import { EtlError, type OperationOptions } from '@etl/core';
import type { Connection } from './connection.ts';
import { Database } from './database.ts';
import { literal } from './identifier.ts';
import type { ResolvedOptions } from './options.ts';
import {
  CLOUD,
  FLAVOURS,
  flavourOfEngine,
  REPLICATED,
  REPLICATED_ALONE,
  SINGLE,
  type ServerFlavour,
} from './server-flavour.ts';

/**
 * What kind of server the database is on, as its engine says. A database that is missing is created.
 *
 * @throws `CLICKHOUSE_ENGINE_CONFLICT` (config) when the database is not what the options declare, and
 * `CLICKHOUSE_DATABASE_NOT_SHARED` (config) when each of several replicas would have a database of its own.
 */
export async function openDatabase(
  connection: Connection,
  options: ResolvedOptions,
  operation: OperationOptions,
): Promise<Database> {
  const { flavour, isMissing } = await chooseFlavour(connection, options, operation);
  if (isMissing) await createDatabase(connection, options.database, flavour, operation);
  const isAlone = flavour === REPLICATED && (await replicasOf(connection, options.database, operation)) === 1;
  return new Database(connection, options.database, isAlone ? REPLICATED_ALONE : flavour);
}

/** A database to look at; one that is missing is not created and holds nothing. */
export async function lookAtDatabase(
  connection: Connection,
  options: ResolvedOptions,
  operation: OperationOptions,
): Promise<{ readonly database: Database; readonly isMissing: boolean }> {
  const { flavour, isMissing } = await chooseFlavour(connection, options, operation);
  // What is missing cannot be brought up to date.
  const seen = isMissing ? { ...flavour, beforeListing: () => [] } : flavour;
  return { database: new Database(connection, options.database, seen), isMissing };
}

async function chooseFlavour(
  connection: Connection,
  options: ResolvedOptions,
  operation: OperationOptions,
): Promise<{ readonly flavour: ServerFlavour; readonly isMissing: boolean }> {
  const [database] = await connection.rows<{ engine: string }>(
    `SELECT engine FROM system.databases WHERE name = ${literal(options.database)}`,
    operation,
  );
  const declared = options.engine === 'auto' ? undefined : FLAVOURS[options.engine];
  if (database === undefined) {
    const flavour = declared ?? (await newDatabaseFlavour(connection, operation));
    return { flavour, isMissing: true };
  }
  const flavour = flavourOfEngine(database.engine);
  if (declared !== undefined && declared !== flavour) throw conflict(options.database, database.engine, declared);
  // Names in such a database exclude nobody on the other replicas: two runs would have one number.
  if (declared === undefined && flavour === SINGLE && (await hasReplicas(connection, operation))) {
    throw notShared(options.database, database.engine);
  }
  return { flavour, isMissing: false };
}

async function newDatabaseFlavour(connection: Connection, operation: OperationOptions): Promise<ServerFlavour> {
  if (connection.isEmbedded) return SINGLE;
  const [cloud] = await connection.rows<{ value: string }>(
    "SELECT value FROM system.settings WHERE name = 'cloud_mode'",
    operation,
  );
  if (cloud?.value === '1' || cloud?.value === 'true') return CLOUD;
  return (await hasReplicas(connection, operation)) ? REPLICATED : SINGLE;
}

/** Whether the server is one of several replicas, as its own configuration has it. */
async function hasReplicas(connection: Connection, operation: OperationOptions): Promise<boolean> {
  if (connection.isEmbedded) return false;
  const [row] = await connection.rows<{ peers: string }>(
    'SELECT toString(count()) AS peers FROM system.clusters AS peer WHERE NOT is_local AND (cluster, shard_num) IN ' +
      '(SELECT cluster, shard_num FROM system.clusters WHERE is_local) ' +
      // Clusters that a server's default configuration has as examples.
      "AND NOT startsWith(host_address, '127.') AND host_name != 'localhost'",
    operation,
  );
  return Number(row?.peers ?? 0) > 0;
}

/** A database of the engine `Replicated` is a cluster of its own, whose name is the database's. */
async function replicasOf(connection: Connection, name: string, operation: OperationOptions): Promise<number> {
  const [row] = await connection.rows<{ replicas: string }>(
    `SELECT toString(count()) AS replicas FROM system.clusters WHERE cluster = ${literal(name)}`,
    operation,
  );
  return Number(row?.replicas ?? 0);
}

/**
 * @throws `CLICKHOUSE_DATABASE_MISSING` (config) where the server's configuration does not say how the
 * database is named on its replicas.
 */
async function createDatabase(
  connection: Connection,
  name: string,
  flavour: ServerFlavour,
  operation: OperationOptions,
): Promise<void> {
  const statement = flavour.createDatabase(name);
  if (flavour === REPLICATED) {
    const macros = await connection.rows<{ macro: string }>('SELECT macro FROM system.macros', operation);
    const missing = ['cluster', 'shard', 'replica'].filter((needed) => !macros.some(({ macro }) => macro === needed));
    if (missing.length > 0) {
      throw new EtlError({
        code: 'CLICKHOUSE_DATABASE_MISSING',
        kind: 'config',
        message: `The database ${name} is missing, and the server has no macro ${missing.join(', ')} to create it on its replicas.`,
        hint: `Create it on every replica: ${statement.replace(" ON CLUSTER '{cluster}'", '')}`,
      });
    }
  }
  await connection.command(statement, { ...operation, settings: flavour.statementSettings });
}

function conflict(database: string, engine: string, declared: ServerFlavour): EtlError {
  return new EtlError({
    code: 'CLICKHOUSE_ENGINE_CONFLICT',
    kind: 'config',
    message: `The database ${database} has the engine ${engine}, but the option engine says ${declared.name}.`,
    hint:
      declared.databaseEngine === undefined
        ? 'Leave the option engine out: the database says itself what it is.'
        : `Leave the option engine out, or name another database; one for ${declared.name} is made by: ${declared.createDatabase(database)}`,
  });
}

function notShared(database: string, engine: string): EtlError {
  return new EtlError({
    code: 'CLICKHOUSE_DATABASE_NOT_SHARED',
    kind: 'config',
    message: `The server is one of several replicas, but the database ${database} (${engine}) is on this one only.`,
    hint: `Use a database that its replicas share (${REPLICATED.createDatabase('travel')}), or, if every run goes to this very server, say engine: 'single'.`,
  });
}

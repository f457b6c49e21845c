import { identifier, literal } from './identifier.ts';

export type FlavourName = 'single' | 'replicated' | 'cloud';

/** The engines that the loader's tables of rows have, without what a flavour puts in front. */
export type RowEngine = 'MergeTree' | 'ReplacingMergeTree' | `ReplacingMergeTree(${string})`;

/** What a table of rows is for, which decides how its inserts are made durable and told apart. */
export type TableRole = 'raw' | 'staging' | 'manifest' | 'system';

/**
 * What differs between one server, an embedded engine, replicas that Keeper coordinates, and ClickHouse Cloud. All SQL
 * that depends on it is made here.
 */
export interface ServerFlavour {
  readonly name: FlavourName;
  /** Engine of the database, as `system.databases` has it; `undefined`: whatever has no other flavour. */
  readonly databaseEngine: string | undefined;
  createDatabase(name: string): string;
  engine(base: RowEngine): string;
  /** Settings of a table, as they stand behind `SETTINGS`; empty for none. */
  tableSettings(role: TableRole): string;
  /** Go with every statement, next to it rather than in it. */
  readonly statementSettings: Readonly<Record<string, string>>;
  /** Goes before a look at what stands in the database, on the same replica. */
  beforeListing(database: string): readonly string[];
  /** Goes before a statement that relies on the rows of tables, on the same replica. */
  beforeReading(tables: readonly string[]): readonly string[];
}

const TOKENS = 10_000;
// Column by column a merge takes two thirds of the time, also with fewer columns than the server's eleven.
const BY_COLUMN = 'vertical_merge_algorithm_min_columns_to_activate = 1';
const MERGES = `min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1, ${BY_COLUMN}`;
// A merge relies on the kernel having written its part before the engine drops what it replaces, minutes later. What
// is staged is dropped when it is attached, and an engine that is opened again drops what is older at once.
const FSYNC_MERGED = 'min_rows_to_fsync_after_merge = 1, fsync_part_directory = 1';

/** One server: durable is what has reached its disk. */
export const SINGLE: ServerFlavour = {
  name: 'single',
  databaseEngine: undefined,
  createDatabase: (name) => `CREATE DATABASE IF NOT EXISTS ${identifier(name)}`,
  engine: (base) => base,
  tableSettings(role) {
    switch (role) {
      case 'raw':
        return `fsync_part_directory = 1, ${MERGES}`;
      case 'staging':
        return `fsync_after_insert = 1, ${FSYNC_MERGED}, non_replicated_deduplication_window = ${TOKENS}`;
      case 'manifest':
        return 'fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 100';
      case 'system':
        return 'fsync_after_insert = 1, fsync_part_directory = 1';
    }
  },
  statementSettings: {},
  beforeListing: () => [],
  beforeReading: () => [],
};

/**
 * Newer engines make statistics of every column whenever they merge, which takes a merge an eighth of its time. What
 * reads an embedded database has hardly any use for them.
 */
const NO_STATISTICS = "auto_statistics_types = ''";

/** Enough that hardly a row is merged twice, and few enough for little memory. */
const PARTS_AT_ONCE = 20;

/**
 * An engine in this process: memory and time of its merges are the run's.
 *
 * It merges by itself only while a run lasts, so it comes to the end of merges of some parts only; never of a whole
 * partition that is an hour old. In staging every insert makes a few files rather than two for each column, which
 * also starts fewer threads, and a merge, which reads a granule of each of its parts at once, takes a third of the
 * memory with small ones. Staged rows are not merged before they are published, which costs as much again beside the
 * inserts: an engine merges at most a hundred parts at once, so it waits for a thousand of them for ever.
 */
export const EMBEDDED: ServerFlavour = {
  ...SINGLE,
  tableSettings(role) {
    switch (role) {
      case 'raw':
        return `${FSYNC_MERGED}, ${BY_COLUMN}, max_parts_to_merge_at_once = ${PARTS_AT_ONCE}, ${NO_STATISTICS}`;
      case 'staging':
        return `${SINGLE.tableSettings(role)}, min_bytes_for_wide_part = 67108864, index_granularity = 2048, min_parts_to_merge_at_once = 1000, ${BY_COLUMN}, ${NO_STATISTICS}`;
      default:
        return SINGLE.tableSettings(role);
    }
  },
};
/** Lets an embedded engine merge what is staged after all. Half as many are enough: engines lower the most where there are many. */
export const MERGES_OF_STAGING = `min_parts_to_merge_at_once = ${PARTS_AT_ONCE / 2}, max_parts_to_merge_at_once = ${PARTS_AT_ONCE}`;

// Replicas tell inserts apart by default, rows without a token by their bytes. The loader's own tables
// take the newest version of a row instead: there, two claims of one load would count as one insert.
function deduplication(role: TableRole): string {
  switch (role) {
    case 'raw':
      return MERGES;
    case 'staging':
      return `replicated_deduplication_window = ${TOKENS}, replicated_deduplication_window_seconds = 604800`;
    case 'manifest':
      return 'replicated_deduplication_window = 100, replicated_deduplication_window_seconds = 604800';
    case 'system':
      return 'replicated_deduplication_window = 0';
  }
}

/** Longest wait for the replicas that a statement has to reach, below the client's own. */
const REPLICA_WAIT_SECONDS = 120;

// A replica that is down does not hold a load up: it carries the log of definitions out before it is
// asked anything (`beforeListing`), and fetches parts before they are read (`beforeReading`).
const WAIT_FOR_REPLICAS = {
  distributed_ddl_output_mode: 'throw_only_active',
  distributed_ddl_task_timeout: String(REPLICA_WAIT_SECONDS),
  alter_sync: '3',
} as const;

/**
 * Replicas of one's own, in a database with the engine `Replicated`: definitions are one log in
 * Keeper, so of two renames of a table one wins, whichever replicas they are sent to. Durable is
 * what a majority of the replicas has.
 */
export const REPLICATED: ServerFlavour = {
  name: 'replicated',
  databaseEngine: 'Replicated',
  createDatabase: (name) =>
    `CREATE DATABASE IF NOT EXISTS ${identifier(name)} ON CLUSTER '{cluster}' ` +
    `ENGINE = Replicated(${literal(`/clickhouse/databases/${name}`)}, '{shard}', '{replica}')`,
  engine: (base) => `Replicated${base}`,
  tableSettings: deduplication,
  statementSettings: {
    ...WAIT_FOR_REPLICAS,
    insert_quorum: 'auto',
    // A table has several inserts under way.
    insert_quorum_parallel: '1',
    insert_quorum_timeout: String(REPLICA_WAIT_SECONDS * 1000),
  },
  beforeListing: (database) => [`SYSTEM SYNC DATABASE REPLICA ${identifier(database)}`],
  beforeReading: syncReplicas,
};

/** Such a database with one replica so far: there, a quorum is two at least and would never be reached. */
export const REPLICATED_ALONE: ServerFlavour = { ...REPLICATED, statementSettings: WAIT_FOR_REPLICAS };

/** ClickHouse Cloud: databases are `Shared` and tables `SharedMergeTree`, without being called so. */
export const CLOUD: ServerFlavour = {
  name: 'cloud',
  databaseEngine: 'Shared',
  createDatabase: (name) => SINGLE.createDatabase(name),
  engine: (base) => base,
  tableSettings: deduplication,
  // Every insert there is a quorum insert.
  statementSettings: { ...WAIT_FOR_REPLICAS, select_sequential_consistency: '1' },
  beforeListing: () => [],
  beforeReading: syncReplicas,
};

// Light: it waits for parts to arrive, not for merges.
function syncReplicas(tables: readonly string[]): readonly string[] {
  return tables.map((table) => `SYSTEM SYNC REPLICA ${table} LIGHTWEIGHT`);
}

export const FLAVOURS = { single: SINGLE, replicated: REPLICATED, cloud: CLOUD } as const;

/** The flavour of a database that exists. */
export function flavourOfEngine(databaseEngine: string): ServerFlavour {
  return [REPLICATED, CLOUD].find((flavour) => flavour.databaseEngine === databaseEngine) ?? SINGLE;
}

import type { Client } from 'pg';
import { askCatalog } from './catalog-race.ts';
import { literal } from './identifier.ts';
import type { TypeRow } from './value-type.ts';

/** A table that could be read. */
export interface TableName {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
}

export interface CatalogColumn {
  /** `attnum`: survives a rename. */
  readonly number: number;
  readonly name: string;
  readonly type: number;
  readonly modifier: number;
  /** Rows from before the column have a value that was never written (ADD COLUMN … DEFAULT). */
  readonly hasMissing: boolean;
  readonly isPublished: boolean;
  readonly isGenerated: boolean;
}

/** A table as the catalog of one moment describes it. */
export interface CatalogTable extends TableName {
  /** `r` table, `p` partitioned table. */
  readonly kind: string;
  /** `d` primary key, `i` index, `f` whole row, `n` nothing. */
  readonly identity: string;
  readonly columns: readonly CatalogColumn[];
  /** Columns that the replica identity or the primary key names, in its order; null without one. */
  readonly key: readonly string[] | null;
  readonly isKeyDeferrable: boolean;
  /** Storage of the table or of its leaf partitions; changes when it is rewritten. */
  readonly filenodes: readonly number[];
  /** Leaf partitions with the transactions that attached them, their parents' included. */
  readonly leaves: readonly (readonly [oid: number, attached: string])[];
  /** Transactions that last changed the columns' definitions. */
  readonly columnsXmin: string;
  /** The greatest `attnum` that a column ever had, dropped ones included. */
  readonly lastColumn: number;
  /** What else decides how values are printed: labels of enums, attributes of composite types. */
  readonly shapes: readonly string[];
  /** Identity of the table's place in the publication: changes when it is taken out and put in again. */
  readonly publicationRelation: number | null;
  readonly rowFilter: string | null;
  /** The planner's estimate; negative when unknown. */
  readonly estimatedRows: number;
  readonly isReadable: boolean;
  /** An index that could be the replica identity; null without one, and for a partitioned table. */
  readonly identityCandidate: string | null;
}

/** A table that a publication does not publish under its own name. */
export interface UnpublishedTable extends TableName {
  /** A partitioned table all of whose leaves are published, if it has any: no row of it is left out. */
  readonly isInPartitions: boolean;
  /** Who owns it, where that is what keeps us from publishing it. */
  readonly owner?: string;
}

export interface ServerFacts {
  /** `server_version_num`. */
  readonly version: number;
  readonly walLevel: string;
  readonly isStandby: boolean;
  readonly database: string;
  readonly user: string;
}

async function json<T>(client: Client, sql: string): Promise<T> {
  const ask = async () => client.query<{ value: string | null }>(`SELECT (${sql})::text AS value`);
  const result = await askCatalog(ask);
  return JSON.parse(result.rows[0]?.value ?? 'null') as T;
}

export async function readServerFacts(client: Client): Promise<ServerFacts> {
  return json(
    client,
    `json_build_object('version', current_setting('server_version_num')::int, 'walLevel', current_setting('wal_level'),
      'isStandby', pg_is_in_recovery(), 'database', current_database(), 'user', current_user)`,
  );
}

const USER_TABLES = `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND NOT c.relispartition
       AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`;

/** Permanent tables and partition roots of users; what an extension owns is left out. */
export async function listTables(client: Client): Promise<readonly TableName[]> {
  return json(
    client,
    `SELECT coalesce(json_agg(json_build_object('oid', c.oid::int8, 'schema', n.nspname, 'table', c.relname)
       ORDER BY n.nspname, c.relname), '[]') ${USER_TABLES}`,
  );
}

/** The tables of {@link listTables} that are not among the published ones. */
export async function listUnpublishedTables(
  client: Client,
  published: readonly TableName[],
): Promise<readonly UnpublishedTable[]> {
  const oids = `'{${published.map(({ oid }) => oid).join(',')}}'::oid[]`;
  return json(
    client,
    `SELECT coalesce(json_agg(json_build_object('oid', c.oid::int8, 'schema', n.nspname, 'table', c.relname,
       'isInPartitions', c.relkind = 'p' AND NOT EXISTS (
         SELECT FROM pg_partition_tree(c.oid) t WHERE t.isleaf AND t.relid <> ALL (${oids})))
       ORDER BY n.nspname, c.relname), '[]') ${USER_TABLES} AND c.oid <> ALL (${oids})`,
  );
}

/** Those of the tables that this user does not own, neither itself nor through a role. */
export async function listForeignTables(
  client: Client,
  tables: readonly TableName[],
): Promise<readonly UnpublishedTable[]> {
  return json(
    client,
    `SELECT coalesce(json_agg(json_build_object('oid', c.oid::int8, 'schema', n.nspname, 'table', c.relname,
       'isInPartitions', false, 'owner', pg_get_userbyid(c.relowner)) ORDER BY n.nspname, c.relname), '[]')
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = ANY ('{${tables.map(({ oid }) => oid).join(',')}}'::oid[]) AND NOT pg_has_role(c.relowner, 'USAGE')`,
  );
}

/**
 * Those of the tables whose updates and deletes PostgreSQL refuses once they are published, because
 * nothing would say which row they mean. Of a partitioned table every leaf has to say it.
 */
export async function listUnidentifiedTables(
  client: Client,
  tables: readonly TableName[],
): Promise<readonly TableName[]> {
  return json(
    client,
    `SELECT coalesce(json_agg(json_build_object('oid', c.oid::int8, 'schema', n.nspname, 'table', c.relname)
       ORDER BY n.nspname, c.relname), '[]')
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = ANY ('{${tables.map(({ oid }) => oid).join(',')}}'::oid[]) AND EXISTS (
       SELECT FROM (SELECT c.oid AS relid WHERE c.relkind <> 'p'
         UNION ALL SELECT t.relid FROM pg_partition_tree(c.oid) t WHERE t.isleaf AND c.relkind = 'p') leaves
       JOIN pg_class l ON l.oid = leaves.relid AND l.relkind = 'r'
       WHERE l.relreplident <> 'f' AND pg_get_replica_identity_index(l.oid) IS NULL)`,
  );
}

/** The tables that a publication publishes, which are leaf partitions when it does not publish via the root. */
export async function listPublishedTables(client: Client, publication: string): Promise<readonly TableName[]> {
  return json(
    client,
    `SELECT coalesce(json_agg(json_build_object('oid', c.oid::int8, 'schema', n.nspname, 'table', c.relname)
       ORDER BY n.nspname, c.relname), '[]')
     FROM pg_publication_tables p
       JOIN pg_namespace n ON n.nspname = p.schemaname
       JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
     WHERE p.pubname = ${literal(publication)}`,
  );
}

/** Of the types that users made, and those that they are made of; up to 16383 are PostgreSQL's own. */
const SHAPES = `WITH RECURSIVE used (oid) AS (
    SELECT a.atttypid FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >= 16384
    UNION
    SELECT part.oid FROM used JOIN pg_type t ON t.oid = used.oid CROSS JOIN LATERAL (
      SELECT t.typbasetype UNION ALL SELECT t.typelem
      UNION ALL SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)) part (oid)
    WHERE part.oid >= 16384)
  SELECT coalesce(json_agg(shape ORDER BY shape), '[]') FROM (
    SELECT e.oid || ':' || left(md5(e.enumlabel), 12) FROM pg_enum e WHERE e.enumtypid IN (SELECT oid FROM used)
    UNION ALL
    SELECT t.oid || ':' || left(md5(string_agg(a.attnum || ' ' || a.atttypid || ' ' || a.atttypmod, ',' ORDER BY a.attnum)), 12)
    FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE t.oid IN (SELECT oid FROM used) GROUP BY t.oid) shapes (shape)`;

/**
 * Describes tables, those that no longer exist left out. Inside a snapshot the answer is that of the
 * snapshot; `publication` absent describes them as a publication of ours would publish them.
 */
export async function describeTables(
  client: Client,
  oids: readonly number[],
  options: { readonly version: number; readonly publication?: string | undefined },
): Promise<readonly CatalogTable[]> {
  if (oids.length === 0) return [];
  const { version, publication } = options;
  const published =
    publication === undefined || version < 150_000
      ? `a.attgenerated = ''${version >= 180_000 ? " OR a.attgenerated = 's'" : ''}`
      : // Before 18 the view names generated columns too, which are never sent (seen on 15.18, 2026-11).
        `a.attname = ANY (p.attnames)${version >= 180_000 ? '' : " AND a.attgenerated = ''"}`;
  const name = publication === undefined ? 'NULL' : literal(publication);
  const join =
    version < 150_000
      ? ''
      : `LEFT JOIN pg_publication_tables p ON p.pubname = ${name} AND p.schemaname = n.nspname AND p.tablename = c.relname`;
  return json(
    client,
    `SELECT coalesce(json_agg(json_build_object(
       'oid', c.oid::int8, 'schema', n.nspname, 'table', c.relname, 'kind', c.relkind, 'identity', c.relreplident,
       'estimatedRows', CASE WHEN c.relkind = 'p'
         THEN (SELECT CASE WHEN min(l.reltuples) < 0 THEN -1 ELSE coalesce(sum(l.reltuples), 0) END FROM pg_partition_tree(c.oid) t JOIN pg_class l ON l.oid = t.relid WHERE t.isleaf)
         ELSE c.reltuples END,
       'isReadable', has_schema_privilege(n.oid, 'USAGE')
         AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT')),
       'identityCandidate', CASE WHEN c.relkind = 'r' THEN (
         SELECT min(x.relname) FROM pg_index u JOIN pg_class x ON x.oid = u.indexrelid
         WHERE u.indrelid = c.oid AND u.indisunique AND u.indimmediate AND u.indisvalid
           AND u.indpred IS NULL AND u.indexprs IS NULL
           AND NOT EXISTS (SELECT FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum = ANY (u.indkey) AND NOT a.attnotnull)) END,
       'filenodes', CASE WHEN c.relkind = 'p'
         THEN (SELECT coalesce(json_agg(l.relfilenode::int8 ORDER BY l.oid), '[]')
               FROM pg_partition_tree(c.oid) t JOIN pg_class l ON l.oid = t.relid WHERE t.isleaf)
         ELSE json_build_array(c.relfilenode::int8) END,
       'leaves', CASE WHEN c.relkind = 'p'
         THEN (WITH RECURSIVE part (oid, attached) AS (
             SELECT i.inhrelid, i.xmin::text FROM pg_inherits i WHERE i.inhparent = c.oid AND NOT i.inhdetachpending
             UNION ALL
             SELECT i.inhrelid, part.attached || '/' || i.xmin::text
             FROM part JOIN pg_inherits i ON i.inhparent = part.oid AND NOT i.inhdetachpending)
           SELECT coalesce(json_agg(json_build_array(l.oid::int8, part.attached) ORDER BY l.oid), '[]')
           FROM part JOIN pg_class l ON l.oid = part.oid WHERE l.relkind <> 'p')
         ELSE '[]' END,
       'columns', (SELECT coalesce(json_agg(json_build_object('number', a.attnum, 'name', a.attname,
           'type', a.atttypid::int8, 'modifier', a.atttypmod, 'isPublished', coalesce(${published}, false),
           'isGenerated', a.attgenerated <> '',
           'hasMissing', a.atthasmissing OR c.relkind = 'p' AND EXISTS (
             SELECT FROM pg_partition_tree(c.oid) t JOIN pg_attribute l ON l.attrelid = t.relid
             WHERE t.isleaf AND l.attname = a.attname AND l.atthasmissing)) ORDER BY a.attnum), '[]')
         FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
       'columnsXmin', (SELECT md5(string_agg(a.attnum || ':' || a.xmin::text, ',' ORDER BY a.attnum))
         FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0),
       'lastColumn', c.relnatts,
       'shapes', (${SHAPES}),
       'key', (SELECT json_agg(a.attname ORDER BY k.ordinal)
         FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (number, ordinal)
           JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
         WHERE k.ordinal <= i.indnkeyatts),
       'isKeyDeferrable', coalesce(NOT i.indimmediate, false),
       'publicationRelation', (SELECT coalesce(
           (SELECT r.oid FROM pg_publication_rel r WHERE r.prpubid = b.oid AND r.prrelid = c.oid),
           (SELECT min(r.oid) FROM pg_publication_rel r
            WHERE r.prpubid = b.oid AND r.prrelid IN (SELECT relid FROM pg_partition_ancestors(c.oid))),
           ${version < 150_000 ? '' : '(SELECT s.oid FROM pg_publication_namespace s WHERE s.pnpubid = b.oid AND s.pnnspid = n.oid),'}
           b.oid)::int8
         FROM pg_publication b WHERE b.pubname = ${name}),
       'rowFilter', ${version < 150_000 ? 'NULL' : 'p.rowfilter'}
     ) ORDER BY n.nspname, c.relname), '[]')
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_index i ON i.indrelid = c.oid
         AND CASE WHEN c.relreplident = 'i' THEN i.indisreplident ELSE i.indisprimary END
       ${join}
     WHERE c.oid IN (${oids.join(', ')})`,
  );
}

/**
 * Whether any of the tables holds rows, or held some. It asks for their storage: rows that were there before
 * this call cannot be missed, whatever privileges, policies or open transactions hide.
 */
export async function haveStorage(client: Client, oids: readonly number[]): Promise<boolean> {
  if (oids.length === 0) return false;
  return json(
    client,
    `SELECT to_json(bool_or(pg_relation_size(t::regclass) > 0)) FROM unnest('{${oids.join(',')}}'::oid[]) t`,
  );
}

/** Reads `pg_type` for the types that are not in `known` yet, and those they are made of, into it. */
export async function readTypes(client: Client, oids: Iterable<number>, known: Map<number, TypeRow>): Promise<void> {
  let missing = new Set([...oids].filter((oid) => oid !== 0 && !known.has(oid)));
  while (missing.size > 0) {
    const rows = await json<readonly TypeRow[]>(
      client,
      `SELECT coalesce(json_agg(json_build_object('oid', t.oid::int8, 'kind', t.typtype, 'base', t.typbasetype::int8,
         'baseModifier', t.typtypmod, 'delimiter', t.typdelim,
         'element', coalesce((SELECT e.oid::int8 FROM pg_type e WHERE e.typarray = t.oid), 0))), '[]')
       FROM pg_type t WHERE t.oid IN (${[...missing].join(', ')})`,
    );
    for (const row of rows) known.set(row.oid, row);
    const next = new Set<number>();
    for (const { base, element } of rows) {
      for (const oid of [base, element]) if (oid !== 0 && !known.has(oid)) next.add(oid);
    }
    missing = next;
  }
}

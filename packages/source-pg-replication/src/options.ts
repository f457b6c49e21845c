import { z } from 'zod';
import type { DerivedStream } from './derived-stream.ts';

const slotName = z.string().regex(/^[a-z0-9_]{1,63}$/, 'expected lower-case letters, digits and _, at most 63');

const pattern = z.string().min(1);

/** Options of the PostgreSQL source. */
export const pgReplicationOptionsSchema = z.strictObject({
  connectionString: z
    .string()
    .min(1)
    .describe(
      'URL of the database, postgres://user:password@host:port/database. sslmode, sslrootcert, sslcert and sslkey mean what they mean to libpq.',
    ),
  schemas: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Schemas to read. Default: public, and those that `tables` names.'),
  tables: z
    .array(pattern)
    .min(1)
    .optional()
    .describe('Tables to read, as `orders` or `sales.orders`; `*` stands for any characters. Default: all.'),
  exclude: z.array(pattern).optional().describe('Tables not to read, written like `tables`.'),
  derived: z
    .array(z.custom<DerivedStream>((value) => typeof value === 'object' && value !== null && 'derive' in value))
    .default([])
    .describe('Further streams that are made of the rows of tables, see `DerivedStream`.'),
  derivedOnly: z
    .array(z.string().min(1))
    .default([])
    .describe('Streams of tables that others are made of and that are not handed on themselves.'),
  outOfRange: z
    .enum(['fail', 'null'])
    .default('fail')
    .describe(
      'What becomes of a value that a destination cannot hold (infinity, years outside 1900 … 2299, NaN in a numeric with a precision, arrays of several dimensions): an error that fails its table, or NULL, counted per column in the report.',
    ),
  slot: slotName.default('etl').describe('Replication slot; created when missing. One pipeline has one slot.'),
  publication: z
    .string()
    .min(1)
    .max(63)
    .optional()
    .describe('Publication; created when missing, used as it is when somebody else made it. Default: as the slot.'),
  failover: z
    .boolean()
    .default(false)
    .describe(
      'Standbys keep a copy of the slot, so that a promoted one is read on from (17 and newer, see sync_replication_slots).',
    ),
  untilLsn: z
    .string()
    .regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/i, 'expected an LSN such as 0/16B3748')
    .optional()
    .describe(
      'Read exactly what was committed before this position, which lies in the future of every position stored so far. For comparisons.',
    ),
  applicationName: z.string().min(1).default('etl').describe('Name of the sessions in pg_stat_activity.'),
  connectTimeoutMs: z.int().min(1).default(15_000).describe('Longest wait for a connection.'),
  pageRows: z.int().min(1).default(10_000).describe('Rows that are held back at most before they are handed on.'),
  pageBytes: z
    .int()
    .min(1)
    .default(8 * 1024 * 1024)
    .describe('Bytes of source text that are held back at most before they are handed on, roughly.'),
  statusIntervalMs: z
    .int()
    .min(1)
    .default(10_000)
    .describe('How often the server hears that the reader is alive, however slow the destination is.'),
  fenceTimeoutMs: z
    .int()
    .min(1)
    .default(300_000)
    .describe('Longest silence of the server before the end of a reading is given up.'),
  heartbeatMs: z
    .int()
    .min(1)
    .default(60_000)
    .describe(
      'While the log is followed: how often a heartbeat is written, the slot of an idle database is moved, and new tables are looked for.',
    ),
  slotWaitMs: z.int().min(0).default(3000).describe('How long to wait for a slot that another process holds.'),
  maxSlotLagBytes: z
    .int()
    .min(1)
    .optional()
    .describe('A run fails, loudly and before it reads, when the slot keeps more of the log than this.'),
  dropSlotOverLimit: z
    .boolean()
    .default(false)
    .describe(
      'Instead of failing so, drop the slot and copy all tables anew; also when an earlier run had dropped it and could not go on.',
    ),
  copyConnections: z
    .int()
    .min(1)
    .max(16)
    .default(2)
    .describe('Sessions that copy a big table side by side, each a part of its pages.'),
  snapshotAttempts: z
    .int()
    .min(1)
    .default(5)
    .describe('How often the copy of a table begins anew when the table is rewritten meanwhile.'),
});

/** See {@link pgReplicationOptionsSchema}. */
export type PgReplicationOptions = z.input<typeof pgReplicationOptionsSchema>;

/** Options with their defaults in place. */
export type ResolvedOptions = z.output<typeof pgReplicationOptionsSchema> & { readonly publication: string };

/** @throws `PG_OPTIONS_INVALID` (config), naming options but never their values. */
export function resolveOptions(options: PgReplicationOptions, invalid: (problem: string) => Error): ResolvedOptions {
  const result = pgReplicationOptionsSchema.safeParse(options);
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message }) => `${path.join('.') || 'options'}: ${message}`);
    throw invalid(problems.join('; '));
  }
  return { ...result.data, publication: result.data.publication ?? result.data.slot };
}

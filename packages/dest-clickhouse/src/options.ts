import { z } from 'zod';

/** Options of the ClickHouse destination. Give either `url` (a server) or `path` (embedded). */
export const clickHouseOptionsSchema = z
  .strictObject({
    url: z.url().optional().describe('HTTP address of the server, such as https://clickhouse.internal:8443.'),
    path: z
      .string()
      .min(1)
      .optional()
      .describe('Directory of an embedded ClickHouse, which one process at a time may open. Needs the package chdb.'),
    username: z.string().optional().describe('User of the server. Default: default.'),
    password: z.string().optional().describe('Password of the user.'),
    database: z.string().min(1).describe('Database that holds the tables and the _etl_* tables. Created when missing.'),
    engine: z
      .enum(['auto', 'single', 'replicated', 'cloud'])
      .default('auto')
      .describe(
        'What the server is: one server, replicas with a database of the engine Replicated, or ClickHouse Cloud. auto: what the database says.',
      ),
    dataset: z
      .string()
      .min(1)
      .optional()
      .describe('Name in front of every table name. Absent: tables are named as their streams.'),
    separator: z.string().min(1).default('___').describe('What stands between dataset and stream in a table name.'),
    nestedSeparator: z
      .string()
      .min(1)
      .default('__')
      .describe('What stands between a table and a nested column in the name of the table of its objects.'),
    systemPrefix: z
      .string()
      .regex(/^_[a-z][a-z0-9_]*$/)
      .default('_etl')
      .describe('Prefix of the system columns that readers of the public views see.'),
    mergeBytes: z
      .int()
      .min(0)
      .default(256 * 1024 * 1024)
      .describe(
        'Bytes of touched partitions that are merged at the end of a run where they would be read slowly; 0 leaves all to the server.',
      ),
    chunkRows: z.int().min(1).default(250_000).describe('Rows per insert; half as many where two are made at once.'),
    chunkBytes: z
      .int()
      .min(1)
      .default(32 * 1024 * 1024)
      .describe('Bytes per insert, roughly; a sixth of them for rows that are stored as they come.'),
    compression: z
      .enum(['auto', 'zstd', 'none'])
      .default('auto')
      .describe('Compression of what is sent to a server. auto: zstd at level 1, except on this machine.'),
    requestTimeoutMs: z.int().min(1000).default(300_000).describe('Longest wait for one statement of the server.'),
    retryWaitMs: z
      .int()
      .min(0)
      .default(200)
      .describe('First wait before a statement that failed without an answer is sent again; doubles from then on.'),
    lockWaitMs: z
      .int()
      .min(0)
      .default(75_000)
      .describe(
        'How long to wait for a run that holds the pipeline, or for the process that holds an embedded database.',
      ),
    heartbeatMs: z.int().min(10).default(10_000).describe('How often a run says that it is alive.'),
    staleAfterMs: z
      .int()
      .min(100)
      .default(60_000)
      .describe('Silence after which a run on another machine counts as dead and its pipeline is taken over.'),
  })
  .refine((options) => (options.url === undefined) !== (options.path === undefined), {
    message: 'give either url or path',
  });

/** See {@link clickHouseOptionsSchema}. */
export type ClickHouseOptions = z.input<typeof clickHouseOptionsSchema>;
/** Options with their defaults in place. */
export type ResolvedOptions = z.output<typeof clickHouseOptionsSchema>;

import { EtlError } from '@etl/core';
import type { Clock, Fetch } from '@etl/core/http';
import { z } from 'zod';

const version = z.string().regex(/^\d+\.\d+$/, 'expected MAJOR.MINOR');
const columnType = z
  .string()
  .regex(/^(?:string|int64|boolean|timestamp|date|json|decimal\(\d{1,2}, ?\d{1,2}\))$/, 'is no type of a column');
const names = z.array(z.string().min(1));
/** Columns with personal data, each perhaps with the schema version from which on it is there. */
const personalColumns = z
  .array(z.union([z.string().min(1), z.strictObject({ name: z.string().min(1), since: version.optional() })]))
  .default([])
  .transform((columns) => columns.map((column) => (typeof column === 'string' ? { name: column } : column)));

export const esimDatasetSchema = z.strictObject({
  reviewed: z.array(version).min(1).optional().describe('Schema versions that were reviewed. Absent: any is loaded.'),
  columns: z
    .record(z.string(), z.strictObject({ type: columnType, since: version.optional() }))
    .default({})
    .describe('Types of columns, each from a schema version on.'),
  drop: personalColumns.describe('Columns, or paths into them such as payload.email, that are never kept.'),
  hash: personalColumns.describe('Columns, or paths into them, of which only an HMAC is kept.'),
});

/** Options of the eSIM source. */
export const esimOptionsSchema = z
  .strictObject({
    baseUrl: z.url().describe('Origin of the API, with a path in front of its own if it has one.'),
    apiKey: z.string().min(1).describe('Sent as X-Internal-API-Key.'),
    datasets: z.record(z.string(), esimDatasetSchema).default({}).describe('What is known of datasets, by name.'),
    exclude: names.default([]).describe('Datasets that are not read.'),
    hashKey: z.string().min(16).optional().describe('Key of the HMAC; required where columns are hashed.'),
    overlapSeconds: z.int().min(1).default(900).describe('What is read again; longer than any transaction there.'),
    bufferRows: z.int().min(1).default(20_000).describe('Rows that are held until their types are known.'),
    maxPages: z.int().min(1).default(10_000).describe('Pages of one dataset beyond which reading is an error.'),
  })
  .refine(
    ({ datasets, hashKey }) => hashKey !== undefined || Object.values(datasets).every(({ hash }) => hash.length === 0),
    {
      path: ['hashKey'],
      message: 'is required to hash columns',
    },
  );

/** See {@link esimOptionsSchema}. */
export type EsimOptions = z.input<typeof esimOptionsSchema> & {
  /** Default: the global `fetch`. */
  readonly fetch?: Fetch;
  /** Default: the machine's. */
  readonly clock?: Clock;
};
export type ResolvedOptions = z.output<typeof esimOptionsSchema>;
export type DatasetOptions = z.output<typeof esimDatasetSchema>;

/** @throws `ESIM_OPTIONS_INVALID` (config), naming options but never their values. */
export function resolveOptions(options: Omit<EsimOptions, 'fetch' | 'clock'>): ResolvedOptions {
  const result = esimOptionsSchema.safeParse(options);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.') || 'options'}: ${message}`);
  throw new EtlError({
    code: 'ESIM_OPTIONS_INVALID',
    kind: 'config',
    message: `The options of the eSIM source are not valid (${problems.join('; ')}).`,
    hint: 'Compare them with the README of @etl/source-esim.',
  });
}

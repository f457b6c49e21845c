import type { z } from 'zod';
import { columnsOf } from './columns-of.ts';
import { EtlError } from './etl-error.ts';
import type { Slice } from './slice.ts';
import type { SliceGate } from './slice-gate.ts';
import type { ReadRequest, RecordBatch, RowSchema, Stream } from './stream.ts';
import type { SchemaContract, ScopeSpec, StreamSpec, WriteDisposition } from './stream-spec.ts';

type ColumnName<TSchema extends RowSchema> = keyof z.output<TSchema> & string;

/** How an author describes a stream; see `StreamSpec` for the meaning of each part. */
export interface StreamDefinition<TSchema extends RowSchema> {
  readonly name: string;
  readonly schema: TSchema;
  readonly primaryKey: readonly ColumnName<TSchema>[];
  readonly writeDisposition: WriteDisposition;
  readonly versionColumn?: ColumnName<TSchema>;
  readonly deletedColumn?: ColumnName<TSchema>;
  readonly scope?: ScopeSpec;
  readonly schemaContract?: Partial<SchemaContract>;
  readonly description?: string;
  /** See {@link Stream.windowDays}. */
  readonly windowDays?: number;
  readonly gate?: SliceGate;
  /** The expected slices. Absent: one slice, the whole of a `replace` stream or an increment. */
  slices?(request: ReadRequest): readonly Slice[] | Promise<readonly Slice[]>;
  /** Yields the rows of one slice; retries nothing, throws what goes wrong. */
  read(slice: Slice, request: ReadRequest): AsyncIterable<RecordBatch<z.input<TSchema>>>;
}

const WHOLE: Slice = { key: 'all' };

/**
 * Makes a {@link Stream} of a definition. Every row is validated by the schema, so what a reader of
 * the stream gets is what the type says.
 *
 * @throws `STREAM_ROW_INVALID` (data) while reading, naming stream, field and problem, never a value.
 */
export function defineStream<const TSchema extends RowSchema>(
  definition: StreamDefinition<TSchema>,
): Stream<z.output<TSchema>> {
  const spec = specOf(definition);
  return {
    spec,
    schema: definition.schema,
    ...(definition.windowDays === undefined ? {} : { windowDays: definition.windowDays }),
    ...(definition.gate === undefined ? {} : { gate: definition.gate }),
    async slices(request = {}) {
      return (await definition.slices?.(request)) ?? [WHOLE];
    },
    async *read(slice = WHOLE, request = {}) {
      for await (const batch of definition.read(slice, request)) {
        request.signal?.throwIfAborted();
        yield { ...batch, rows: batch.rows.map((row) => validated(spec.name, definition.schema, row)) };
      }
    },
  };
}

function specOf(definition: StreamDefinition<RowSchema>): StreamSpec {
  const { name, primaryKey, writeDisposition, versionColumn, deletedColumn } = definition;
  const columns = columnsOf(definition.schema);
  for (const key of primaryKey) {
    const column = columns.find((candidate) => candidate.name === key);
    if (column === undefined || column.nullable) {
      throw new EtlError({
        code: 'STREAM_KEY_INVALID',
        kind: 'config',
        message: `Stream ${name} has a primary key column ${key} that is missing or nullable.`,
        hint: 'Make every primary key column a required column of the schema.',
      });
    }
  }
  if (writeDisposition === 'merge' && primaryKey.length === 0) {
    throw new EtlError({
      code: 'STREAM_KEY_MISSING',
      kind: 'config',
      message: `Stream ${name} is merged but has no primary key.`,
      hint: 'Name the columns that identify a row, or choose append or replace.',
    });
  }
  return {
    name,
    columns,
    primaryKey,
    writeDisposition,
    ...(versionColumn === undefined ? {} : { versionColumn }),
    ...(deletedColumn === undefined ? {} : { deletedColumn }),
    ...(definition.scope === undefined ? {} : { scope: definition.scope }),
    ...(definition.schemaContract === undefined ? {} : { schemaContract: definition.schemaContract }),
    ...(definition.description === undefined ? {} : { description: definition.description }),
  };
}

function validated<TSchema extends RowSchema>(stream: string, schema: TSchema, row: unknown): z.output<TSchema> {
  const result = schema.safeParse(row);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.code}`);
  throw new EtlError({
    code: 'STREAM_ROW_INVALID',
    kind: 'data',
    message: `A row of ${stream} does not fit its schema (${[...new Set(issues)].join(', ')}).`,
    hint: 'The platform may have changed its answer; compare it with the stream’s schema.',
    context: { stream },
  });
}

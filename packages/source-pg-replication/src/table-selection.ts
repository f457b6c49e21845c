import { EtlError, type SourceReadRequest } from '@etl/core';
import type { TableName } from './catalog.ts';
import { namePattern, type NamePattern } from './name-pattern.ts';
import type { ResolvedOptions } from './options.ts';
import { streamName } from './stream-name.ts';

/** A table that the options name, and that is not there. */
export interface MissingTable {
  /** As the options have it. */
  readonly text: string;
  /** The streams that it could have been: one for each schema where it could have stood. */
  readonly streams: readonly string[];
}

/** The stream that a missing table fails as; `undefined` when it is not asked for. */
export function missingStream(
  { streams }: MissingTable,
  request: Pick<SourceReadRequest, 'state' | 'streams'>,
): string | undefined {
  const asked = streams.filter((stream) => request.streams?.includes(stream) ?? true);
  return asked.find((stream) => request.state?.some((entry) => entry.stream === stream)) ?? asked[0];
}

/** Which tables the options choose. */
export class TableSelection {
  readonly #schemas: ReadonlySet<string> | undefined;
  readonly #tables: readonly NamePattern[] | undefined;
  readonly #exclude: readonly NamePattern[];

  constructor(options: Pick<ResolvedOptions, 'schemas' | 'tables' | 'exclude'>) {
    this.#schemas = options.schemas === undefined ? undefined : new Set(options.schemas);
    this.#tables = options.tables?.map(namePattern);
    this.#exclude = (options.exclude ?? []).map(namePattern);
  }

  /**
   * The chosen ones of `tables`.
   *
   * @throws `PG_TABLE_NOT_FOUND` and `PG_NO_TABLES` (config) when nothing is chosen.
   */
  choose<T extends TableName>(tables: readonly T[], database: string): readonly T[] {
    const chosen = tables.filter((table) => this.#has(table));
    if (chosen.length > 0) return chosen;
    const missing = this.missing(tables);
    if (missing.length > 0) throw tablesNotFound(missing, database);
    throw new EtlError({
      code: 'PG_NO_TABLES',
      kind: 'config',
      message: `None of the tables in the database ${database} is chosen.`,
      hint: 'Look at the options schemas, tables and exclude; without them, all tables of the schema public are read.',
    });
  }

  /** What the options name, table by table, and is not among `tables`. */
  missing(tables: readonly TableName[]): readonly MissingTable[] {
    const patterns = this.#tables ?? [];
    return patterns
      .filter(({ isLiteral, text }) => isLiteral && !this.#places(text).every((place) => this.#isExcluded(place)))
      .filter((pattern) => !tables.some(({ schema, table }) => pattern.matches(schema, table)))
      .map(({ text }) => ({ text, streams: this.#places(text).map(({ schema, table }) => streamName(schema, table)) }));
  }

  /** Where a table of that name could stand. */
  #places(text: string): readonly Pick<TableName, 'schema' | 'table'>[] {
    const dot = text.indexOf('.');
    if (dot !== -1) return [{ schema: text.slice(0, dot), table: text.slice(dot + 1) }];
    return [...(this.#schemas ?? ['public'])].map((schema) => ({ schema, table: text }));
  }

  /** Whether the options name this very table, without a wildcard. */
  isNamed(table: TableName): boolean {
    const { schema, table: name } = table;
    return (
      this.#has(table) && this.#tables?.some((pattern) => pattern.isLiteral && pattern.matches(schema, name)) === true
    );
  }

  #isExcluded({ schema, table }: Pick<TableName, 'schema' | 'table'>): boolean {
    return this.#exclude.some((pattern) => pattern.matches(schema, table));
  }

  #has(name: TableName): boolean {
    if (this.#isExcluded(name)) return false;
    const { schema, table } = name;
    const inSchema = this.#schemas?.has(schema);
    if (this.#tables === undefined) return inSchema ?? schema === 'public';
    return this.#tables.some(
      (pattern) => (inSchema ?? (pattern.isQualified || schema === 'public')) && pattern.matches(schema, table),
    );
  }
}

/** `streams`: what fails of it by name, while others are read. */
export function tablesNotFound(
  missing: readonly MissingTable[],
  database: string,
  streams: readonly string[] = [],
): EtlError {
  const [first = '', ...others] = streams;
  return new EtlError({
    code: 'PG_TABLE_NOT_FOUND',
    kind: 'config',
    message: `${missing.map(({ text }) => text).join(', ')} cannot be found in the database ${database}.`,
    hint: 'Correct the table names; those outside public need their schema in front. One that was dropped is to be taken out of the options.',
    ...(streams.length === 0
      ? {}
      : { context: others.length === 0 ? { stream: first } : { streams: streams.join(', ') } }),
  });
}

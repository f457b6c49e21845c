import { EtlError } from '@etl/core';
import type { TableName } from './catalog.ts';
import { namePattern, type NamePattern } from './name-pattern.ts';
import type { ResolvedOptions } from './options.ts';
import { streamName } from './stream-name.ts';

/** A table that the options name, and that is not there. */
export interface MissingTable {
  /** As the options have it. */
  readonly text: string;
  readonly stream: string;
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
      .filter((pattern) => pattern.isLiteral && !tables.some(({ schema, table }) => pattern.matches(schema, table)))
      .map((pattern) => ({ text: pattern.text, stream: this.#streamOf(pattern) }));
  }

  /** The stream that the table had, as far as its name tells. */
  #streamOf({ text, isQualified }: NamePattern): string {
    const [only, ...others] = this.#schemas ?? [];
    const dot = text.indexOf('.');
    if (isQualified) return streamName(text.slice(0, dot), text.slice(dot + 1));
    return streamName(only === undefined || others.length > 0 ? 'public' : only, text);
  }

  /** Whether the options name this very table, without a wildcard. */
  isNamed(table: TableName): boolean {
    const { schema, table: name } = table;
    return (
      this.#has(table) && this.#tables?.some((pattern) => pattern.isLiteral && pattern.matches(schema, name)) === true
    );
  }

  #has({ schema, table }: TableName): boolean {
    if (this.#exclude.some((pattern) => pattern.matches(schema, table))) return false;
    const inSchema = this.#schemas?.has(schema);
    if (this.#tables === undefined) return inSchema ?? schema === 'public';
    return this.#tables.some(
      (pattern) => (inSchema ?? (pattern.isQualified || schema === 'public')) && pattern.matches(schema, table),
    );
  }
}

/** `areOthersRead`: the tables fail by name, and the others go on. */
export function tablesNotFound(
  missing: readonly MissingTable[],
  database: string,
  { areOthersRead = false }: { readonly areOthersRead?: boolean } = {},
): EtlError {
  const streams = missing.map(({ stream }) => stream);
  return new EtlError({
    code: 'PG_TABLE_NOT_FOUND',
    kind: 'config',
    message: `${missing.map(({ text }) => text).join(', ')} cannot be found in the database ${database}.`,
    hint: 'Correct the table names; those outside public need their schema in front. One that was dropped is to be taken out of the options.',
    ...(areOthersRead
      ? { context: streams.length === 1 ? { stream: streams[0] ?? '' } : { streams: streams.join(', ') } }
      : {}),
  });
}

import { EtlError } from '@etl/core';
import type { TableName } from './catalog.ts';
import { namePattern, type NamePattern } from './name-pattern.ts';
import type { ResolvedOptions } from './options.ts';

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
   * @throws `PG_TABLE_NOT_FOUND` (config) when a table that the options name is not there, and
   * `PG_NO_TABLES` (config) when nothing is chosen.
   */
  choose<T extends TableName>(tables: readonly T[], where: string): readonly T[] {
    const missing = this.#tables?.filter(
      (pattern) => pattern.isLiteral && !tables.some(({ schema, table }) => pattern.matches(schema, table)),
    );
    if (missing !== undefined && missing.length > 0) {
      throw new EtlError({
        code: 'PG_TABLE_NOT_FOUND',
        kind: 'config',
        message: `${missing.map(({ text }) => text).join(', ')} cannot be found in ${where}.`,
        hint: 'Correct the table names; those outside public need their schema in front.',
      });
    }
    const chosen = tables.filter((table) => this.#has(table));
    if (chosen.length > 0) return chosen;
    throw new EtlError({
      code: 'PG_NO_TABLES',
      kind: 'config',
      message: `None of the tables in ${where} is chosen.`,
      hint: 'Look at the options schemas, tables and exclude; without them, all tables of the schema public are read.',
    });
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

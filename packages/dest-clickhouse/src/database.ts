import type { OperationOptions } from '@etl/core';
import type { Connection } from './connection.ts';
import { identifier, literal } from './identifier.ts';

/** A table or view of the database, as the server has it. */
export interface TableInfo {
  readonly name: string;
  readonly engine: string;
  readonly comment: string;
  readonly sorting_key: string;
  readonly partition_key: string;
  /** Seconds since its definition changed, by the server's clock. */
  readonly age_seconds: number;
}

export interface ColumnInfo {
  readonly name: string;
  readonly type: string;
  readonly comment?: string;
}

/** One database on one connection: what stands in it, by name. */
export class Database {
  readonly connection: Connection;
  readonly name: string;

  constructor(connection: Connection, name: string) {
    this.connection = connection;
    this.name = name;
  }

  /** Quoted and qualified name of a table. */
  table(name: string): string {
    return `${identifier(this.name)}.${identifier(name)}`;
  }

  command(query: string, options?: OperationOptions): Promise<void> {
    return this.connection.command(query, options);
  }

  rows<TRow>(query: string, options?: OperationOptions): Promise<TRow[]> {
    return this.connection.rows<TRow>(query, options);
  }

  /** Tables whose name starts with one of the prefixes. */
  tables(prefixes: readonly string[], options?: OperationOptions): Promise<TableInfo[]> {
    const starts = prefixes.map((prefix) => `startsWith(name, ${literal(prefix)})`).join(' OR ');
    return this.#list(starts, options);
  }

  async find(name: string, options?: OperationOptions): Promise<TableInfo | undefined> {
    return (await this.#list(`name = ${literal(name)}`, options))[0];
  }

  #list(condition: string, options?: OperationOptions): Promise<TableInfo[]> {
    return this.rows<TableInfo>(
      "SELECT name, engine, comment, sorting_key, partition_key, toInt32(dateDiff('second', metadata_modification_time, now())) AS age_seconds " +
        `FROM system.tables WHERE database = ${literal(this.name)} AND (${condition}) ORDER BY name`,
      options,
    );
  }

  /** Columns in order; ephemeral ones, which hold nothing, left out. Empty when the table is missing. */
  columns(table: string, options?: OperationOptions): Promise<ColumnInfo[]> {
    return this.rows<ColumnInfo>(
      `SELECT name, type, comment FROM system.columns WHERE database = ${literal(this.name)} AND table = ${literal(table)} ` +
        "AND default_kind != 'EPHEMERAL' ORDER BY position",
      options,
    );
  }

  /** Drops at once, so that whoever still holds the name finds nothing. Missing is fine. */
  drop(name: string, options?: OperationOptions): Promise<void> {
    return this.command(`DROP TABLE IF EXISTS ${this.table(name)} SYNC`, options);
  }
}

import type { OperationOptions } from '@etl/core';
import type { Connection, InsertTarget, PlainTarget, StatementOptions } from './connection.ts';
import { identifier, literal } from './identifier.ts';
import type { PlainBody } from './plain-body.ts';
import { EMBEDDED, SINGLE, type ServerFlavour } from './server-flavour.ts';

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
  /** What it is in rows without a value; empty when that is nothing but the type's own default. */
  readonly default_expression?: string;
}

/** One database on one connection: what stands in it, by name. */
export class Database {
  readonly connection: Connection;
  readonly name: string;
  readonly flavour: ServerFlavour;

  constructor(connection: Connection, name: string, flavour: ServerFlavour = SINGLE) {
    this.connection = connection;
    this.name = name;
    this.flavour = flavour.name === SINGLE.name && connection.isEmbedded ? EMBEDDED : flavour;
  }

  /** Quoted and qualified name of a table. */
  table(name: string): string {
    return `${identifier(this.name)}.${identifier(name)}`;
  }

  /** `reads` names the tables whose rows the statement relies on: it sees all that were written before. */
  command(query: string, options?: OperationOptions, reads: readonly string[] = []): Promise<void> {
    return this.connection.command(query, this.#statement(this.#beforeReading(reads), options));
  }

  /** See `Connection.longCommand`. */
  longCommand(query: string, options?: OperationOptions): Promise<void> {
    return this.connection.longCommand(query, this.#statement([], options));
  }

  /** See `Connection.commands`. */
  commands(queries: readonly string[], options?: OperationOptions): Promise<void> {
    return this.connection.commands(queries, this.#statement([], options));
  }

  /** See `Connection.commandAside`. */
  commandAside(query: string, options?: OperationOptions): Promise<void> {
    return this.connection.commandAside(query, this.#statement([], options));
  }

  /** As {@link command}. */
  rows<TRow>(query: string, options?: OperationOptions, reads: readonly string[] = []): Promise<TRow[]> {
    return this.connection.rows<TRow>(query, this.#statement(this.#beforeReading(reads), options));
  }

  /** Inserts lines of JSONCompactEachRow into a table of the database. */
  insert(target: InsertTarget, body: Buffer, options?: OperationOptions): Promise<void> {
    const table = this.table(target.table);
    return this.connection.insert({ ...target, table }, body, this.#statement([], options));
  }

  /** As {@link insert}, of rows in a body that `connection.openPlain` gave. */
  insertPlain(target: PlainTarget, body: PlainBody, options?: OperationOptions): Promise<void> {
    const table = this.table(target.table);
    return this.connection.insertPlain({ ...target, table }, body, this.#statement([], options));
  }

  #beforeReading(tables: readonly string[]): readonly string[] {
    return this.flavour.beforeReading(tables.map((table) => this.table(table)));
  }

  #statement(before: readonly string[], options: OperationOptions | undefined): StatementOptions {
    return { ...options, before, settings: this.flavour.statementSettings };
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
    return this.look<TableInfo>(
      "SELECT name, engine, comment, sorting_key, partition_key, toInt32(dateDiff('second', metadata_modification_time, now())) AS age_seconds " +
        `FROM system.tables WHERE database = ${literal(this.name)} AND (${condition}) ORDER BY name`,
      options,
    );
  }

  /** Columns in order; ephemeral ones, which hold nothing, left out. Empty when the table is missing. */
  columns(table: string, options?: OperationOptions): Promise<ColumnInfo[]> {
    return this.look<ColumnInfo>(
      `SELECT name, type, comment, default_expression FROM system.columns WHERE database = ${literal(this.name)} AND table = ${literal(table)} ` +
        "AND default_kind != 'EPHEMERAL' ORDER BY position",
      options,
    );
  }

  /** A query over what stands in the database: it sees every definition that was made before. */
  look<TRow>(query: string, options?: OperationOptions): Promise<TRow[]> {
    return this.connection.rows<TRow>(query, this.#statement(this.flavour.beforeListing(this.name), options));
  }

  /** Drops at once, so that whoever still holds the name finds nothing. Missing is fine. */
  drop(name: string, options?: OperationOptions): Promise<void> {
    return this.command(this.dropStatement(name), options);
  }

  dropStatement(name: string): string {
    return `DROP TABLE IF EXISTS ${this.table(name)} SYNC`;
  }
}

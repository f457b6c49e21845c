import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runPipeline, type Logger, type PipelineReport } from '@etl/core';
import { clickhouse, openClickHouse, type ClickHouseOptions } from '@etl/dest-clickhouse';
import { pgReplication, type PgReplicationOptions } from '@etl/source-pg-replication';
import { startPostgres, type PostgresServer } from '@etl/testing/postgres';
import { Client } from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { clickHouseRowText, postgresRowText, type SourceColumn } from '../../src/demo/canonical-value.ts';
import { readTables } from '../../src/demo/content-checksum.ts';
import { compareTables } from '../../src/demo/compare-tables.ts';

type TextRow = Record<string, string | null>;

/** A real database and the real ClickHouse that its runs load into. */
export class ClickHouseReplica implements AsyncDisposable {
  readonly warnings: string[] = [];
  readonly client: Client;
  readonly #source: PgReplicationOptions;
  readonly #destination: ClickHouseOptions & { readonly database: string };

  constructor(client: Client, source: PgReplicationOptions, destination: ClickHouseOptions) {
    this.client = client;
    this.#source = source;
    this.#destination = destination;
  }

  async sql(text: string): Promise<void> {
    await this.client.query(text);
  }

  /** Every value as PostgreSQL's text. */
  async there(text: string): Promise<TextRow[]> {
    return (await this.client.query({ text, types: { getTypeParser: () => String } })).rows as TextRow[];
  }

  /** Every value as ClickHouse's text. `$` stands in front of names of tables. */
  async here(sql: string): Promise<TextRow[]> {
    await using reader = await openClickHouse(this.#destination);
    let text = '';
    const query = sql.replaceAll('$', `${this.#destination.database}.`);
    for await (const chunk of reader.query(query, { format: 'JSONStringsEachRow' }))
      text += Buffer.from(chunk).toString('utf8');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as TextRow);
  }

  /** One run; fails the test unless every table is good. */
  async run(options: Partial<PgReplicationOptions> = {}): Promise<PipelineReport> {
    const report = await this.attempt({ options });
    const [failure] = report.failures;
    if (failure !== undefined) throw failure.error;
    return report;
  }

  async attempt({
    options = {},
    ...run
  }: {
    readonly options?: Partial<PgReplicationOptions>;
    readonly commitEveryRows?: number;
    readonly fullRefresh?: boolean;
    readonly streams?: readonly string[];
  } = {}): Promise<PipelineReport> {
    await using source = pgReplication({ ...this.#source, ...options });
    await using destination = clickhouse(this.#destination);
    return await runPipeline({ name: 'pg', source, destination, logger: this.#logger(), ...run });
  }

  /** The tables whose rows are not the same on both sides. */
  async unequal(): Promise<string[]> {
    await using reader = await openClickHouse(this.#destination);
    const { database, dataset = '' } = this.#destination;
    const comparisons = await compareTables(this.client, reader, { database, dataset });
    return comparisons
      .filter(({ isEqual }) => !isEqual)
      .map(({ stream, source, clickHouse }) => `${stream}: ${source.rows} rows there, ${clickHouse.rows} here`);
  }

  /** The columns of a table whose values are not the same on both sides, with the values of the first row. */
  async unequalColumns(table: string): Promise<string[]> {
    const columns = (await readTables(this.client)).find(({ name }) => name === table)?.columns ?? [];
    const selected = (rowText: (columns: readonly SourceColumn[]) => string): string =>
      columns.map((column, index) => `${rowText([column])} AS text_${index}`).join(', ');
    const there = await this.there(`SELECT ${selected(postgresRowText)} FROM ${table} ORDER BY id`);
    const here = await this.here(
      `SELECT ${selected(clickHouseRowText)} FROM $${this.#destination.dataset}___${table} ORDER BY id`,
    );
    return columns.flatMap(({ name, type }, index) => {
      const text = `text_${index}`;
      const row = there.findIndex((values, position) => values[text] !== here[position]?.[text]);
      return row === -1 && there.length === here.length
        ? []
        : [`${name} ${type}: ${there[row]?.[text]} there, ${here[row]?.[text]} here`];
    });
  }

  #logger(): Logger {
    const logger: Logger = {
      debug: () => undefined,
      info: () => undefined,
      warn: (fields, message) => void this.warnings.push(`${message} ${JSON.stringify(fields)}`),
      error: (_, message) => void this.warnings.push(message),
      child: () => logger,
    };
    return logger;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { rows } = await this.client.query('SELECT 1 FROM pg_replication_slots WHERE active');
    if (rows.length > 0) throw new Error('a slot is still read');
    await this.client.end();
    const mutations = await this.here('SELECT * FROM system.mutations');
    if (mutations.length > 0) throw new Error('a load caused a mutation');
  }
}

/** A server and an engine for the tests of this file; a database of its own on both for each test. */
export function useReplicas(): (sql: string) => Promise<ClickHouseReplica> {
  const directory = mkdtempSync(join(tmpdir(), 'etl-pg-clickhouse-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  let server: PostgresServer | undefined;
  let count = 0;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  return async (sql) => {
    count += 1;
    const name = `scenario_${count}`;
    const admin = await connected(server?.connectionString() ?? '');
    await admin.query(`CREATE DATABASE ${name}`);
    await admin.end();
    const connectionString = server?.connectionString(name) ?? '';
    const client = await connected(connectionString);
    await client.query(sql);
    return new ClickHouseReplica(
      client,
      { connectionString, slot: name },
      { path: join(directory, 'engine'), database: name, dataset: 'shop', mergeBytes: 0 },
    );
  };
}

async function connected(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

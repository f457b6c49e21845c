import { runPipeline } from '@etl/core';
import { clickhouse } from '@etl/dest-clickhouse';
import { pgReplication } from '@etl/source-pg-replication';
import { startPostgres } from '@etl/testing/postgres';
import { Client } from 'pg';

const COLUMNS = `id bigint PRIMARY KEY, a int, t text, n numeric(18, 4), f bool, ts timestamptz, d float8, j jsonb`;

/** What comparing a table of eight mixed columns costs each side, in seconds for a million rows, best of three. */
export async function comparisonCost({
  destination,
  rows,
  say,
}: {
  readonly destination: { readonly path: string } | { readonly url: string };
  readonly rows: number;
  readonly say: (line: string) => void;
}): Promise<void> {
  await using postgres = await startPostgres();
  const client = new Client({ connectionString: postgres.connectionString() });
  await client.connect();
  await client.query(`CREATE TABLE mixed (${COLUMNS}); INSERT INTO mixed SELECT g, g % 1000, 'name of row ' || g, g / 7.0,
    g % 2 = 0, now() + g * interval '1 s', g / 3.0, jsonb_build_object('a', g, 'b', 'x') FROM generate_series(1, ${rows}) g`);
  await client.query('VACUUM ANALYZE mixed');
  const source = pgReplication({ connectionString: postgres.connectionString(), slot: 'cost' });
  const target = clickhouse({ ...destination, database: 'cost' });
  try {
    await runPipeline({ name: 'pg_cost', source, destination: target });
    await using content = await source.openContent();
    await using session = await target.open('pg_cost');
    const reader = session.readContent?.();
    const [stream] = content.streams;
    if (reader === undefined || stream === undefined) throw new Error('nothing to compare');
    const perMillion = async (work: () => Promise<unknown>): Promise<number> => {
      let best = Infinity;
      for (let round = 0; round < 3; round += 1) {
        const startedAt = performance.now();
        await work();
        best = Math.min(best, performance.now() - startedAt);
      }
      return best / 1000 / (rows / 1e6);
    };
    const list = stream.columns.map(({ name }) => `sum(octet_length(${name}::text))`).join(', ');
    const floor = await perMillion(() => client.query(`SELECT ${list} FROM mixed`));
    const theirs = await perMillion(() => content.readBuckets(stream, 12));
    const ours = await perMillion(() => reader.readBuckets(stream, 12));
    const columns = await perMillion(() => content.readColumns(stream));
    const line = (what: string, value: number): void =>
      say(`${what.padEnd(52)} ${value.toFixed(2)} s/M rows   ${(value / floor).toFixed(1)} × the floor`);
    say(`comparing ${rows} rows of 8 mixed columns`);
    line('floor: every value as text, summed by length', floor);
    line('PostgreSQL: digests of the rows by bucket', theirs);
    line('ClickHouse: the same', ours);
    line('PostgreSQL: every column (only where something differs)', columns);
  } finally {
    await client.end();
    await source[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  }
}

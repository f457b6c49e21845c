import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startPostgres } from '@etl/testing/postgres';
import { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { pgPlatform } from '../src/platforms/pg.ts';
import { runEtl, temporaryDirectory } from './etl-process.ts';

const FILE = resolve(import.meta.dirname, '../../../docs/connectors/pg-groups.example.json');
const groups = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, Record<string, unknown>>;

describe('the example groups', () => {
  test.each(Object.keys(groups))('%s is a group as it stands', async (name) => {
    const group = pgPlatform.open(name, groups[name]);
    expect(group.target.dataset).toBe(name);
    expect(group.secrets).toContain('PASSWORD');
    await using source = await group.createSource();
    expect(source.name).toBe('pg');
  });

  test('a size, a transform or a field that does not exist is named', () => {
    const { success, error } = pgPlatform.groupSchema.safeParse({
      ...groups['travel'],
      max_slot_lag: 'much',
      colour: 1,
    });
    expect(success).toBe(false);
    expect(error?.message).toContain('must be a size such as 512MB or 8GB');
    expect(error?.message).toContain('colour');
  });
});

test('the groups load into tables as the example says: map_json as text, two tables made of the log', async () => {
  await using postgres = await startPostgres();
  await using directory = await temporaryDirectory();
  const client = new Client({ connectionString: postgres.connectionString() });
  await client.connect();
  // The tables of both groups in one database, in the least form that the example needs.
  const tables = Object.values(groups).flatMap(({ tables: names }) => names as string[]);
  for (const table of new Set(tables)) {
    const columns = {
      travel_animator_map: 'id int PRIMARY KEY, map_json jsonb',
      server_logs_log:
        'id bigint PRIMARY KEY, name text, user_id int, request jsonb, response jsonb, created_at timestamptz',
    }[table];
    await client.query(
      `CREATE TABLE ${table} (${columns ?? 'id int PRIMARY KEY, updated_at timestamptz DEFAULT now()'})`,
    );
  }
  await client.query(`INSERT INTO travel_animator_map VALUES (1, '{"layers": [{"id": 12345678901234567890}], "zoom": 1.10}');
    INSERT INTO users_appuser VALUES (1), (2);
    INSERT INTO server_logs_log VALUES (5, 'InlineAdsViewSet.flight', 1, '{"country": "de"}', '{"ads": [{"site": "a"}, {"site": "b"}]}', now())`);
  const own = Object.fromEntries(
    Object.entries(groups).map(([name, group]) => [name, { ...group, connection_string: postgres.connectionString() }]),
  );
  const options = {
    cwd: directory.path,
    env: { ETL_DATA_DIR: join(directory.path, 'data'), ETL_GROUPS_PG: JSON.stringify(own) },
  };
  for (const name of Object.keys(own)) {
    const { exitCode, output } = await runEtl(['run', 'pg', name], options);
    expect(exitCode, output).toBe(0);
  }
  // A table that is only made of is not compared, all others are.
  const verified = await runEtl(['verify', 'pg', 'travel', '--json'], options);
  expect(verified.exitCode, verified.output).toBe(0);
  expect(JSON.parse(verified.stdout).streams).toHaveLength(12);
  await client.end();
  const ask = async (query: string, ...more: string[]): Promise<string> =>
    (await runEtl(['sql', query, '--format', 'TSV', ...more], options)).stdout.trim();
  expect(
    await ask(
      'SELECT map_json FROM dashboard.dashboard___travel_animator_map',
      '--destination',
      'clickhouse_dashboard',
    ),
  ).toBe('{"zoom": 1.10, "layers": [{"id": 12345678901234567890}]}');
  expect(
    await ask(
      `SELECT id, rank, site, (SELECT (ad_count, country) FROM travel.travel___ad_request_stats),
         (SELECT count() FROM system.tables WHERE name = 'travel___server_logs_log') FROM travel.travel___inline_ad_logs ORDER BY id`,
    ),
  ).toBe("5-1\t1\ta\t(2,'DE')\t0\n5-2\t2\tb\t(2,'DE')\t0");
}, 120_000);

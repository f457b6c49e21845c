import { join } from 'node:path';
import { startPostgres, type PostgresServer } from '@etl/testing/postgres';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runEtl, startEtl, temporaryDirectory, type EtlProcess } from './etl-process.ts';

const SOON = { timeout: 25_000, interval: 50 };

describe('etl run pg', () => {
  let postgres: PostgresServer;
  let client: Client;
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;

  beforeAll(async () => {
    [postgres, directory] = await Promise.all([startPostgres(), temporaryDirectory()]);
    client = new Client({ connectionString: postgres.connectionString() });
    await client.connect();
    await client.query(`CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a')`);
  });
  afterAll(async () => {
    await client.end();
    await postgres[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  function environment(slot: string, group: Record<string, unknown> = {}) {
    return {
      cwd: directory.path,
      env: {
        ETL_DATA_DIR: join(directory.path, slot),
        ETL_GROUPS_PG: JSON.stringify({
          shop: {
            connection_string: postgres.connectionString(),
            slot,
            publication: slot,
            tables: ['items'],
            ...group,
          },
        }),
      },
    };
  }

  /** Until everything that is written by now is durable at the destination. */
  async function isLoaded(slot: string, { outcome }: EtlProcess): Promise<void> {
    const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn() AS lsn');
    let early: unknown;
    void outcome.then((ended) => (early = ended));
    await expect
      .poll(async () => {
        if (early !== undefined) throw new Error(JSON.stringify(early));
        const found = await client.query(
          `SELECT FROM pg_replication_slots WHERE slot_name = $1 AND confirmed_flush_lsn >= $2::pg_lsn`,
          [slot, rows[0]?.lsn],
        );
        return found.rowCount;
      }, SOON)
      .toBe(1);
  }

  async function countOf(options: ReturnType<typeof environment>): Promise<string> {
    return (await runEtl(['sql', 'SELECT count() FROM travel.shop___items', '--format', 'TSV'], options)).stdout.trim();
  }

  test('--follow loads what is committed, and SIGTERM ends it in order with exit code 0', async () => {
    const options = environment('followed', { heartbeat_seconds: 0.2 });
    const following = startEtl(['run', 'pg', 'shop', '--follow', '--flush-age', '1s', '--json'], options);
    await isLoaded('followed', following);
    await client.query(`INSERT INTO items VALUES (2, 'b')`);
    await isLoaded('followed', following);
    // Somebody else who wants the same slot is told so, and takes nothing.
    const other = environment('followed', {});
    const second = await runEtl(['run', 'pg', 'shop'], {
      ...other,
      env: { ...other.env, ETL_DATA_DIR: join(directory.path, 'elsewhere') },
    });
    expect(second.exitCode, second.output).toBe(75);
    expect(second.stderr).toMatch(/The replication slot followed is in use by the process \d+ of the server/);

    await client.query(`INSERT INTO items VALUES (3, 'c')`);
    await isLoaded('followed', following);
    following.child.kill('SIGTERM');
    const { exitCode, stdout, stderr, output } = await following.outcome;
    expect(exitCode, output).toBe(0);
    expect(stderr).toContain('SIGTERM: stopping in order');
    expect(JSON.parse(stdout)).toMatchObject({ status: 'ok', exitCode: 0, sourceHealth: { status: 'ok' } });
    expect(await countOf(options)).toBe('3');
    const next = await runEtl(['run', 'pg', 'shop'], options);
    expect(next.exitCode).toBe(0);
    expect(next.stderr).toContain('0 rows, nothing changed');
  });

  test('--max-rows ends at a commit, and says that there is more', async () => {
    const options = environment('limited');
    expect((await runEtl(['run', 'pg', 'shop'], options)).exitCode).toBe(0);
    const before = Number(await countOf(options));
    for (let at = 0; at < 3; at += 1) {
      await client.query(`INSERT INTO items SELECT 1000 * ${at + 1} + g, 'x' FROM generate_series(1, 200) g`);
    }
    const first = await runEtl(['run', 'pg', 'shop', '--max-rows', '100'], options);
    expect(first.exitCode, first.output).toBe(75);
    expect(await countOf(options)).toBe(String(before + 200));
    const rest = await runEtl(['run', 'pg', 'shop', '--max-rows', '100000'], options);
    expect(rest.exitCode, rest.output).toBe(0);
    expect(await countOf(options)).toBe(String(before + 600));
  });

  test('a slot over its limit is refused with the commands that help, and given up when that is asked for', async () => {
    const options = environment('bounded', { max_slot_lag: '1MB' });
    expect((await runEtl(['run', 'pg', 'shop'], options)).exitCode).toBe(0);
    await client.query(
      `CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 5000); INSERT INTO items VALUES (9001, 'n')`,
    );
    const status = await runEtl(['status'], options);
    expect(status.stdout).toMatch(/pg_shop .*critical: lag [\d.]+ MB, slot \d+ % of its limit/);
    expect(status.stdout).toContain('! pg_shop: The slot bounded keeps');
    const refused = await runEtl(['run', 'pg', 'shop'], options);
    expect(refused.exitCode, refused.output).toBe(70);
    expect(refused.stderr).toContain('PG_SLOT_OVER_LIMIT');
    const dropped = await runEtl(['run', 'pg', 'shop', '--drop-slot-over-limit'], options);
    expect(dropped.exitCode, dropped.output).toBe(0);
    expect(dropped.stderr).toContain('replication slot bounded dropped, all tables are copied anew');
    const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM items');
    expect(await countOf(options)).toBe(rows[0]?.count);
    await client.query(`SELECT pg_drop_replication_slot('bounded')`);
    const missing = await runEtl(['run', 'pg', 'shop'], options);
    expect(missing.exitCode).toBe(70);
    expect(missing.stderr).toContain('run: etl run pg shop --full-refresh');
  });

  test('what only slices or only logs have is refused, and so is what does not go together', async () => {
    const options = environment('usage');
    for (const [args, text] of [
      [['--follow', '--max-rows', '5'], '--max-rows cannot be given with --follow'],
      [['--flush-age', '1s'], 'give --follow too'],
      [['--follow', '--flush-bytes', '5x'], '--flush-bytes is not a size'],
      [['--max-rows', 'many'], '--max-rows is not a whole number'],
    ] as const) {
      const { exitCode, stderr } = await runEtl(['run', 'pg', 'shop', ...args], options);
      expect(exitCode, stderr).toBe(2);
      expect(stderr).toContain(text);
    }
  });
});

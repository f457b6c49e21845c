import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runEtl, temporaryDirectory } from './etl-process.ts';

const GROUPS = { ETL_GROUPS_PG: '{"shop": {"connection_string": "postgres://etl@127.0.0.1:1/shop"}}' };

describe('variables', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;

  beforeAll(async () => {
    directory = await temporaryDirectory();
  });
  afterAll(async () => {
    await directory[Symbol.asyncDispose]();
  });

  const etl = (args: readonly string[], env: Record<string, string>) =>
    runEtl(args, { cwd: directory.path, env: { ...GROUPS, ...env } });

  test('one that nothing reads is warned of, with the one that was meant', async () => {
    const { stderr } = await etl(['run', 'pg', 'shop'], {
      FB_INSIGHTS_RESULT_PAGESIZE: '5',
      FB_PAGE_LIMIT: '5',
      CLICKHOUSE_PASWORD: 's3cr3t',
      CLICKHOUSE_PORT: '8123',
      ETL_TEST_POSTGRES_URL: 'postgres://test',
    });
    expect(stderr).toContain(
      '! FB_INSIGHTS_RESULT_PAGESIZE is set, but nothing reads it; did you mean FB_INSIGHTS_RESULT_PAGE_SIZE?',
    );
    expect(stderr).toContain('! FB_PAGE_LIMIT is set, but nothing reads it');
    expect(stderr).toContain('! CLICKHOUSE_PASWORD is set, but nothing reads it; did you mean CLICKHOUSE_PASSWORD?');
    expect(stderr).not.toMatch(/CLICKHOUSE_PORT|ETL_TEST|ETL_GROUPS_PG is set|s3cr3t/);
  });

  test('an address of alerts that is none is found before the run', async () => {
    for (const name of ['ETL_ALERT_WEBHOOK_URL', 'SLACK_WEBHOOK_URL']) {
      for (const command of ['run', 'check']) {
        const { exitCode, stderr } = await etl([command, 'pg', 'shop'], { [name]: 'hooks.example.com/s3cr3t' });
        expect(exitCode).toBe(78);
        expect(stderr).toContain(`${name} is not an HTTP address.`);
        expect(stderr).not.toContain('s3cr3t');
      }
    }
  });

  test('a format of logs that there is not is refused', async () => {
    const { exitCode, stderr } = await etl(['groups'], { ETL_LOG_FORMAT: 'xml' });
    expect(exitCode).toBe(78);
    expect(stderr).toContain('ETL_LOG_FORMAT is neither json nor empty.');
  });

  test('a data directory that cannot be made is a matter of configuration', async () => {
    const env = { ETL_DATA_DIR: '/proc/nowhere' };
    for (const [args, code] of [
      [['sql', 'SELECT 1'], 'CLICKHOUSE_EMBEDDED_UNWRITABLE'],
      [['demo'], 'DATA_DIRECTORY_UNUSABLE'],
    ] as const) {
      const { exitCode, stderr } = await etl(args, env);
      expect(exitCode).toBe(78);
      expect(stderr).toContain(code);
    }
  });

  test('the slot is not dropped over a limit that there is not', async () => {
    const { exitCode, stderr } = await etl(['run', 'pg', 'shop', '--drop-slot-over-limit'], {});
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--drop-slot-over-limit is given, but no limit is.');
  });
});

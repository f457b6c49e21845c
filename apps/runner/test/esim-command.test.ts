import { startSandbox } from '@etl/sandbox';
import { expect, test } from 'vitest';
import { runEtl, temporaryDirectory } from './etl-process.ts';

test(
  '`etl run esim e1` says what drifts and which dataset fails, and loads the others',
  { timeout: 120_000 },
  async () => {
    await using directory = await temporaryDirectory();
    await using sandbox = await startSandbox({ seed: 'command', platforms: ['esim'] });
    const { baseUrl, apiKey } = sandbox.esim;
    const datasets = { orders: { reviewed: ['1.4'] }, users: { reviewed: ['2.0'] } };
    const groups = { e1: { base_url: baseUrl, api_key: apiKey, datasets } };
    const where = { cwd: directory.path, env: { ETL_GROUPS_ESIM: JSON.stringify(groups) } };

    const backfill = await runEtl(['backfill', 'esim', 'e1', '--from', '2026-03-01'], where);
    expect(backfill.exitCode).toBe(2);
    expect(backfill.stderr).toContain('--from cannot be asked of esim');
    expect(backfill.stderr).toContain('--full-refresh');

    sandbox.control.changeExport({ kind: 'manifest', dataset: 'orders', entry: { schema_version: '1.5' } });
    const run = await runEtl(['run', 'esim', 'e1'], where);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('! esim___orders has another schema version than declared: 1.5');
    expect(run.stderr).toContain('Dataset users has schema version 1.1, where 2.0 were reviewed');
    expect(run.stderr).toContain('ESIM_VERSION_UNKNOWN');
    expect(run.stderr).toContain('new table esim___sessions');
    expect(run.stderr).not.toContain('new column esim___sessions');
    expect(run.output).not.toContain(apiKey);

    const rows = await runEtl(
      ['sql', 'SELECT count() FROM esim_db.esim___orders', '--destination', 'clickhouse_esim', '--format', 'TSV'],
      where,
    );
    expect(Number(rows.stdout)).toBe(sandbox.esim.rows('orders').length);
  },
);

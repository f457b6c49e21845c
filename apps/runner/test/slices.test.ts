import { existsSync, globSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runEtl, temporaryDirectory } from './etl-process.ts';

const TOKEN = 'canary-token-Zq81/x+y';
const DAY_MS = 86_400_000;
const day = (ago: number) => new Date(Date.now() - ago * DAY_MS).toISOString().slice(0, 10);

describe('etl with a platform of daily reports', { timeout: 120_000 }, () => {
  let server: Server;
  let url: string;
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let places = 0;
  /** Accounts that answer with an error. */
  const broken = new Map<string, Record<string, unknown>>();
  const asked: string[] = [];
  const told: { readonly path: string; readonly body: string }[] = [];
  let hookStatus = 200;
  /** Whether the arguments of any process held the token while requests were under way. */
  let isTokenInArguments = false;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        const path = request.url ?? '';
        if (path.startsWith('/hook')) {
          told.push({ path, body });
          response.writeHead(hookStatus).end('ok');
          return;
        }
        asked.push(path);
        isTokenInArguments ||= areArgumentsNaming(TOKEN);
        const [, account = '', date = ''] = path.split('/');
        const error = broken.get(account);
        const rows = [{ account_id: account, day: date, clicks: 7 }];
        response.end(JSON.stringify(error === undefined ? { rows } : { error }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.close();
    await directory[Symbol.asyncDispose]();
  });

  function place(accounts: readonly string[]) {
    places += 1;
    const data = join(directory.path, `data_${places}`);
    const group = { url, token: TOKEN, accounts };
    const base = { ETL_DATA_DIR: data, ETL_GROUPS_FACEBOOK: JSON.stringify({ d1: group }) };
    const etl = (args: readonly string[], env: Record<string, string> = {}) =>
      runEtl(args, { cwd: directory.path, withFixture: true, env: { ...base, ...env } });
    return { data, etl };
  }

  test('a plan says what is due and leaves nothing behind, and a run then does it', async () => {
    const { data, etl } = place(['1', '2']);
    for (const command of [
      ['plan', 'facebook', 'd1'],
      ['run', 'facebook', 'd1', '--dry-run'],
    ]) {
      const { exitCode, stdout, output } = await etl(command);
      expect(exitCode, output).toBe(0);
      expect(stdout).toContain('nothing is read or written');
      expect(stdout).toMatch(/insights +2 lanes, each 4 due: 4 new \(.*\) +8 reads/);
      expect(stdout).toContain('new table ads___insights');
    }
    expect(existsSync(data)).toBe(false);
    const json = JSON.parse((await etl(['plan', 'facebook', 'd1', '--json'])).stdout) as Record<string, unknown>;
    expect(json).toMatchObject({
      pipeline: 'facebook_d1',
      streams: [{ stream: 'insights', due: { new: 8 }, reads: 8 }],
    });
    const ran = await etl(['run', 'facebook', 'd1', '--json']);
    expect(ran.exitCode, ran.output).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ rows: 8, isUnfinished: false });
  });

  test('a backfill reads the days that are asked for, both ends included, and only what is missing', async () => {
    const { etl } = place(['1']);
    const range = ['--from', day(8), '--to', day(6)];
    const first = await etl(['backfill', 'facebook', 'd1', ...range], { FB_BACKFILL_DAYS: '30' });
    expect(first.exitCode, first.output).toBe(0);
    expect(first.stderr).toContain(`backfill ${day(8)} … ${day(6)} (3 days), asked for by --from`);
    expect(first.stderr).toContain('FB_BACKFILL_DAYS is set too and does not count: --from wins');
    expect(first.stderr).toContain('7 rows');
    asked.length = 0;
    const second = await etl(['backfill', 'facebook', 'd1', '--from', day(9), '--to', day(6), '--only-missing']);
    expect(second.exitCode, second.output).toBe(0);
    expect(asked).toEqual([`/1/${day(9)}`]);
    for (const env of [{ FB_BACKFILL_DAYS: 'a week' }, { FB_ACCOUNT_DELAY_SECONDS: 'long' }]) {
      const refused = await etl(['run', 'facebook', 'd1'], env);
      expect(refused.exitCode, refused.output).toBe(2);
      expect(refused.stderr).toContain(Object.keys(env)[0]);
    }
    const byVariable = await etl(['plan', 'facebook', 'd1'], { FB_BACKFILL_DAYS: '6' });
    expect(byVariable.stdout).toContain('(the last 6 days, and today), asked for by FB_BACKFILL_DAYS');
  });

  test('a deadline that leaves work is exit 75, and the next run does the rest', async () => {
    const { etl } = place(['1']);
    const late = await etl(['run', 'facebook', 'd1', '--deadline', '1s', '--json'], {
      NODE_OPTIONS: `--import ${join(import.meta.dirname, 'clock-ahead.ts')}`,
    });
    expect(late.exitCode, late.output).toBe(75);
    expect(JSON.parse(late.stdout)).toMatchObject({ status: 'partial', isUnfinished: true, exitCode: 75 });
    expect(late.stderr).toContain('4 slices unread, which stay due');
    const next = await etl(['run', 'facebook', 'd1']);
    expect(next.exitCode, next.output).toBe(0);
    asked.length = 0;
    const settled = await etl(['run', 'facebook', 'd1']);
    expect(settled.stderr).toContain('0 rows, nothing changed');
    expect(asked).toEqual([]);
  });

  test('what failed alike is said once, alerted, annotated, and good again once; no secret is anywhere', async () => {
    const { data, etl } = place(['1', '2']);
    const summary = join(directory.path, 'summary.md');
    const hook = `${url}/hook/${encodeURIComponent(TOKEN)}-hook`;
    const env = { ETL_ALERT_WEBHOOK_URL: hook, GITHUB_STEP_SUMMARY: summary, GITHUB_ACTIONS: 'true' };
    const message = `The platform refused ${TOKEN} and access_token=${TOKEN}.`;
    broken.set('2', { code: 'ADS_BROKEN', kind: 'data', message });
    const failed = await etl(['run', 'facebook', 'd1', '--verbose', '--json'], env);
    expect(failed.exitCode, failed.output).toBe(1);
    expect(failed.stderr.match(/✗ insights, 4 slices \(account_id=2/g)).toHaveLength(1);
    expect(failed.stderr.match(/^::error title=ADS_BROKEN::insights%?.*4 slices/gm)).toHaveLength(1);
    expect(JSON.parse(told.at(-1)?.body ?? '')).toMatchObject({
      pipeline: 'facebook_d1',
      status: 'partial',
      exitCode: 1,
      failures: [{ stream: 'insights', slices: 4, code: 'ADS_BROKEN' }],
    });
    expect(readFileSync(summary, 'utf8')).toContain('| insights | 8 | 4 | 0 | 0 | 4 | 0 | 4 |');

    const status = await etl(['status', '--json']);
    expect(JSON.parse(status.stdout)).toMatchObject({
      pipelines: [
        { pipeline: 'facebook_d1', freshTo: day(1), due: 4, failed: 4, lastProblem: { code: 'ADS_BROKEN', more: 3 } },
      ],
    });
    const tables = await Promise.all(
      ['_etl_slices', '_etl_runs'].map(async (table) => {
        const { stdout } = await etl([
          'sql',
          `SELECT count() > 0, countIf(position(toString(tuple(*)), 'canary') > 0) FROM travel.${table}`,
          '--format',
          'TSV',
        ]);
        return stdout;
      }),
    );
    expect(tables).toEqual(['1\t0\n', '1\t0\n']);
    expect(existsSync(data)).toBe(true);

    broken.clear();
    hookStatus = 500;
    const good = await etl(['run', 'facebook', 'd1'], env);
    hookStatus = 200;
    expect(good.exitCode, good.output).toBe(0);
    expect(good.stderr).toContain('The alert was not delivered: the webhook answered 500');
    expect(JSON.parse(told.at(-1)?.body ?? '')).toMatchObject({ status: 'recovered' });
    const before = told.length;
    const nowhere = { ...env, GITHUB_STEP_SUMMARY: join(directory.path, 'missing', 'summary.md') };
    const unsaid = await etl(['run', 'facebook', 'd1'], nowhere);
    expect(unsaid.exitCode, unsaid.output).toBe(0);
    expect(unsaid.stderr).toContain('The summary page was not written (ENOENT)');
    expect(told).toHaveLength(before);

    // GitHub takes these lines out of the log; they are how it learns what to hide.
    const shown = [failed, good, status].map(({ output }) => output.replaceAll(/^::add-mask::.*\n/gm, '')).join('');
    const everything = shown + readFileSync(summary, 'utf8') + told.map(({ body }) => body).join('');
    expect(everything).not.toContain(TOKEN);
    expect(everything).not.toContain(encodeURIComponent(TOKEN));
    expect(failed.stderr).toContain(`::add-mask::${TOKEN}`);
    expect(isTokenInArguments).toBe(false);
  });

  test('a trial has tables and positions of its own, and is refused in a schedule', async () => {
    const { etl } = place(['1']);
    const bare = await etl(['run', 'facebook', 'd1', '--dataset', 'ads_smoke']);
    expect(bare.exitCode).toBe(2);
    expect(bare.stderr).toContain('PIPELINE_NAME_SUFFIX');
    const suffix = { PIPELINE_NAME_SUFFIX: '_smoke' };
    const scheduled = await etl(['run', 'facebook', 'd1'], { ...suffix, GITHUB_EVENT_NAME: 'schedule' });
    expect(scheduled.exitCode).toBe(78);
    expect(scheduled.stderr).toContain('PIPELINE_SUFFIX_SCHEDULED');
    const trial = await etl(['run', 'facebook', 'd1', '--dataset', 'ads_smoke'], suffix);
    expect(trial.exitCode, trial.output).toBe(0);
    const tables = await etl(['sql', "SHOW TABLES FROM travel LIKE 'ads%'", '--format', 'TSV']);
    expect(tables.stdout).toBe('ads_smoke___insights\n');
    const real = await etl(['plan', 'facebook', 'd1', '--json']);
    expect(JSON.parse(real.stdout)).toMatchObject({ streams: [{ due: { new: 4 } }] });
    expect((await etl(['run', 'facebook', 'd1'])).exitCode).toBe(0);
    asked.length = 0;
    const shared = await etl(['run', 'facebook', 'd1'], suffix);
    expect(shared.exitCode, shared.output).toBe(78);
    expect(shared.stderr).toContain('PIPELINE_SUFFIX_SHARED');
    expect((await etl(['plan', 'facebook', 'd1', '--dataset', 'ads'], suffix)).exitCode).toBe(78);
    expect(asked).toEqual([]);
  });

  test('positions are shown, set and forgotten, and only when somebody says yes', async () => {
    const { etl } = place(['1']);
    expect((await etl(['run', 'facebook', 'd1'])).exitCode).toBe(0);
    const set = ['state', 'set', 'facebook', 'd1', '--stream', 'insights', '--value', '{"at":1}'];
    expect((await etl(set)).exitCode).toBe(2);
    expect((await etl([...set, '--yes'])).stderr).toContain('insights: none → {"at":1}');
    const show = async () => JSON.parse((await etl(['state', 'show', 'facebook', 'd1'])).stdout) as unknown;
    expect(await show()).toEqual([{ stream: 'insights', partition: '', value: { at: 1 } }]);
    expect((await etl(['state', 'reset', 'facebook', 'd1'])).exitCode).toBe(2);
    expect((await etl(['state', 'reset', 'facebook', 'd1', '--yes'])).stderr).toContain('insights: {"at":1} → none');
    expect(await show()).toEqual([]);
    expect((await etl(['state', 'show', 'facebook', 'd1'])).stderr).toContain('facebook_d1 has no positions.');
    expect((await etl(['unlock', 'facebook', 'd1'])).stderr).toContain('Nobody holds facebook_d1');
  });
});

function areArgumentsNaming(text: string): boolean {
  return globSync('/proc/[0-9]*/cmdline').some((file) => {
    try {
      return readFileSync(file, 'utf8').includes(text);
    } catch {
      // The process has ended meanwhile.
      return false;
    }
  });
}

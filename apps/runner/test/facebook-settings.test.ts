import { describe, expect, test } from 'vitest';
import { datasetVariables } from '../src/dataset-variable.ts';
import { environmentVariables } from '../src/environment-variables.ts';
import { destinationOf } from '../src/group-target.ts';
import { esimFacebookPlatform, facebookPlatform, subscriptionFacebookPlatform } from '../src/platforms/facebook.ts';
import { Redactor } from '../src/redactor.ts';
import { datasetOf } from '../src/trial-run.ts';
import { facebookSettings, facebookVariables } from '../src/platforms/facebook-variables.ts';
import { askedStreams, runRequest } from '../src/run-request.ts';
import { runEtl, temporaryDirectory } from './etl-process.ts';

const now = new Date('2026-11-28T12:00:00Z');
const group = facebookPlatform.open('d1', { token: 'EAAx', account_ids: ['act_1'] });

test('every variable of the system before sets its option', () => {
  expect(
    facebookSettings({
      FB_INSIGHTS_MAX_WAIT_TO_START_SECONDS: '60',
      FB_INSIGHTS_MAX_WAIT_TO_FINISH_SECONDS: '900',
      FB_INSIGHTS_JOB_TIMEOUT_SECONDS: '1200',
      FB_INSIGHTS_MAX_ASYNC_SLEEP_SECONDS: '20',
      FB_INSIGHTS_MAX_RETRIES: '0',
      FB_INSIGHTS_RETRY_BASE_DELAY_SECONDS: '300',
      FB_INSIGHTS_WINDOW_DAYS: '4',
      FB_INSIGHTS_LOAD_WINDOW_DAYS: '8',
      FB_INSIGHTS_RESULT_PAGE_SIZE: '100',
      FB_ADCREATIVES_CHUNK_SIZE: '50',
      FB_ADCREATIVE_ID_PAGE_SIZE: '300',
      FB_ADCREATIVE_HYDRATE_BATCH_SIZE: '10',
      FB_CREATIVE_REFRESH_MODE: 'full',
      FB_RATE_LIMIT_PACE_THRESHOLD: '75',
      FB_RATE_LIMIT_MAX_PACE_SECONDS: '10',
    }),
  ).toEqual({
    reports: {
      startTimeoutSeconds: 60,
      timeoutSeconds: 1200,
      maxPollSeconds: 20,
      maxRetries: 0,
      retryDelaySeconds: 300,
      pageSize: 100,
    },
    insights: { windowDays: 4, loadWindowDays: 8 },
    creatives: { pageSize: 50, listPageSize: 300, batchSize: 10, refresh: 'full' },
    slowDownAt: 0.75,
    longestSpacingSeconds: 10,
  });
  expect(facebookSettings({ FB_INSIGHTS_MAX_RETRIES: ' ' })).toEqual({});
});

test.each(facebookVariables().map(({ name }) => name))('%s with another value than it may have is refused', (name) => {
  expect(() => facebookSettings({ [name]: 'often' })).toThrowError(
    expect.objectContaining({ code: 'FACEBOOK_VARIABLE_INVALID', kind: 'config' }),
  );
  expect(() => facebookSettings({ [name]: '999999' })).toThrowError(
    expect.objectContaining({ code: 'FACEBOOK_VARIABLE_INVALID' }),
  );
});

test.each([
  'FB_BACKFILL_DAYS',
  'ESIM_FB_BACKFILL_DAYS',
  'SUB_FB_BACKFILL_DAYS',
  'FB_ACCOUNT_DELAY_SECONDS',
  'ESIM_FB_ACCOUNT_DELAY_SECONDS',
  'SUB_FB_ACCOUNT_DELAY_SECONDS',
  'FB_INSIGHTS_MAX_WAIT_TO_START_SECONDS',
  'FB_INSIGHTS_MAX_WAIT_TO_FINISH_SECONDS',
  'FB_INSIGHTS_MAX_ASYNC_SLEEP_SECONDS',
  'FB_INSIGHTS_JOB_TIMEOUT_SECONDS',
  'FB_INSIGHTS_MAX_RETRIES',
  'FB_INSIGHTS_RETRY_BASE_DELAY_SECONDS',
  'FB_INSIGHTS_WINDOW_DAYS',
  'FB_INSIGHTS_LOAD_WINDOW_DAYS',
  'FB_INSIGHTS_RESULT_PAGE_SIZE',
  'FB_ADCREATIVES_CHUNK_SIZE',
  'FB_ADCREATIVE_ID_PAGE_SIZE',
  'FB_ADCREATIVE_HYDRATE_BATCH_SIZE',
  'FB_CREATIVE_REFRESH_MODE',
  'FB_RATE_LIMIT_PACE_THRESHOLD',
  'FB_RATE_LIMIT_MAX_PACE_SECONDS',
  'FB_CLICKHOUSE_SEND_RECEIVE_TIMEOUT_SECONDS',
  'FB_DATASET_NAME',
  'PIPELINE_NAME_SUFFIX',
])('%s is in the table of the configuration', (name) => {
  expect(environmentVariables().filter((variable) => variable.name === name)).toHaveLength(1);
});

describe('FB_CLICKHOUSE_SEND_RECEIVE_TIMEOUT_SECONDS', () => {
  const config = { token: 'EAAx', account_ids: ['1'] };
  const url = 'https://traveler:secret@host:8443/travel';
  const env = { CLICKHOUSE_URL: url, CLICKHOUSE_ESIM_URL: url, CLICKHOUSE_DASHBOARD_URL: url };

  test.each([facebookPlatform, esimFacebookPlatform, subscriptionFacebookPlatform])(
    'is the time limit of the destination of $name, and keeps its other credentials',
    (platform) => {
      const place = (seconds: string | undefined) => {
        const given = {
          ...env,
          ...(seconds === undefined ? {} : { FB_CLICKHOUSE_SEND_RECEIVE_TIMEOUT_SECONDS: seconds }),
        };
        return destinationOf(platform.open('d1', config, '', given), { env: given, redactor: new Redactor() });
      };
      const own = place(undefined);
      expect(own.address).toEqual({
        url: 'https://host:8443',
        username: 'traveler',
        password: 'secret',
        database: 'travel',
      });
      expect(place('900')).toEqual({ ...own, address: { ...own.address, requestTimeoutMs: 900_000 } });
      expect(place(' ')).toEqual(own);
    },
  );

  test('is no option of the source', () => {
    expect(facebookSettings({ FB_CLICKHOUSE_SEND_RECEIVE_TIMEOUT_SECONDS: '900' })).toEqual({});
  });

  test.each(['0', '-1', '15m', '1e3', '86401'])(
    '%s ends with 78, before anything is asked',
    { timeout: 60_000 },
    async (value) => {
      await using directory = await temporaryDirectory();
      const { exitCode, output } = await runEtl(['run', 'facebook', 'd1', '--embedded'], {
        cwd: directory.path,
        env: {
          ETL_GROUPS_FACEBOOK: JSON.stringify({ d1: config }),
          FB_CLICKHOUSE_SEND_RECEIVE_TIMEOUT_SECONDS: value,
        },
      });
      expect(exitCode, output).toBe(78);
      expect(output).toContain('FB_CLICKHOUSE_SEND_RECEIVE_TIMEOUT_SECONDS is not a whole number from 1 to 86400');
    },
  );
});

describe('FB_DATASET_NAME', () => {
  const suffixed = { PIPELINE_NAME_SUFFIX: '_smoke' };

  test('fb is what it is without, a trial is beside it', () => {
    expect(datasetOf('facebook', 'fb', undefined, {})).toBe('fb');
    expect(datasetOf('facebook', 'fb', undefined, { FB_DATASET_NAME: 'fb' })).toBe('fb');
    expect(datasetOf('facebook', 'fb', undefined, { FB_DATASET_NAME: ' ' })).toBe('fb');
    expect(datasetOf('facebook', 'fb', undefined, { FB_DATASET_NAME: 'fb_smoke_1', ...suffixed })).toBe('fb_smoke_1');
    const long = `fb_smoke_${'x'.repeat(32)}`;
    expect(datasetOf('facebook', 'fb', undefined, { FB_DATASET_NAME: long, ...suffixed })).toBe(long);
  });

  test('is of facebook only', () => {
    const env = { FB_DATASET_NAME: 'fb_smoke_1', ...suffixed };
    expect(datasetOf('esim_facebook', 'esim_fb', undefined, env)).toBe('esim_fb');
    expect(datasetOf('subscription_facebook', 'subscription_fb', undefined, env)).toBe('subscription_fb');
    expect(datasetVariables().map(({ platform }) => platform)).toEqual(['facebook']);
  });

  test('--dataset wins over it', () => {
    expect(datasetOf('facebook', 'fb', 'fb_trial', { FB_DATASET_NAME: 'fb_smoke_1', ...suffixed })).toBe('fb_trial');
  });

  test.each([
    'smoke',
    'FB',
    'fb_smoke_',
    'fb_smoke_A',
    'fb_smoke',
    'fb2',
    `fb_smoke_${'x'.repeat(33)}`,
    'fb_smoke_1;--',
  ])('%s is refused, and no other is taken', (name) => {
    expect(() => datasetOf('facebook', 'fb', undefined, { FB_DATASET_NAME: name, ...suffixed })).toThrowError(
      expect.objectContaining({
        code: 'DATASET_VARIABLE_INVALID',
        kind: 'config',
        hint: expect.stringContaining('fb_smoke_1'),
      }),
    );
  });

  test('a schedule may not run into a trial, but may say fb', () => {
    const schedule = { GITHUB_EVENT_NAME: 'schedule' };
    expect(datasetOf('facebook', 'fb', undefined, { FB_DATASET_NAME: 'fb', ...schedule })).toBe('fb');
    expect(() => datasetOf('facebook', 'fb', undefined, { FB_DATASET_NAME: 'fb_smoke_1', ...schedule })).toThrowError(
      expect.objectContaining({ code: 'DATASET_VARIABLE_SCHEDULED', kind: 'config' }),
    );
  });

  test('a trial that would share its positions with the tables is a usage error that names the variable', () => {
    expect(() => datasetOf('facebook', 'fb', undefined, { FB_DATASET_NAME: 'fb_smoke_1' })).toThrowError(
      expect.objectContaining({ code: 'DATASET_UNSUFFIXED', message: expect.stringContaining('FB_DATASET_NAME') }),
    );
  });

  test.each([
    [{ FB_DATASET_NAME: 'smoke' }, 78, 'DATASET_VARIABLE_INVALID'],
    [{ FB_DATASET_NAME: 'fb_smoke_1', GITHUB_EVENT_NAME: 'schedule' }, 78, 'DATASET_VARIABLE_SCHEDULED'],
    [{ FB_DATASET_NAME: 'fb_smoke_1' }, 2, 'DATASET_UNSUFFIXED'],
  ])('the command says so: %o is exit %i', { timeout: 60_000 }, async (env, code, name) => {
    await using directory = await temporaryDirectory();
    const groups = JSON.stringify({ d1: { token: 'EAAx', account_ids: ['1'] } });
    const { exitCode, output } = await runEtl(['run', 'facebook', 'd1', '--embedded', '--json'], {
      cwd: directory.path,
      env: { ETL_GROUPS_FACEBOOK: groups, ...env },
    });
    expect(exitCode, output).toBe(code);
    expect(output).toContain(name);
  });
});

test('a backfill is of insights only, unless streams are named', () => {
  const backfill = runRequest('facebook', { backfillDays: '30' }, { env: {}, now });
  expect(askedStreams(backfill, group)).toEqual(['insights']);
  const byVariable = runRequest('facebook', {}, { env: { FB_BACKFILL_DAYS: '30' }, now });
  expect(askedStreams(byVariable, group)).toEqual(['insights']);
  expect(askedStreams(runRequest('facebook', {}, { env: {}, now }), group)).toBeUndefined();
  const named = runRequest('facebook', { backfillDays: '30', stream: ['ads'] }, { env: {}, now });
  expect(askedStreams(named, group)).toEqual(['ads']);
});

test('an account in two groups is a configuration error that names both', { timeout: 60_000 }, async () => {
  await using directory = await temporaryDirectory();
  const groups = {
    d1: { token: 'EAAone', account_ids: ['act_42', '43'] },
    d2: { token: 'EAAtwo', account_ids: ['42'] },
  };
  const { exitCode, output } = await runEtl(['run', 'facebook', 'd1', '--embedded'], {
    cwd: directory.path,
    env: { ETL_GROUPS_FACEBOOK: JSON.stringify(groups) },
  });
  expect(exitCode, output).toBe(78);
  expect(output).toContain('Account 42 is in the groups d1 and d2');
  expect(output).not.toContain('EAAone');
});

describe('reporting_currency', () => {
  const platforms = [facebookPlatform, esimFacebookPlatform, subscriptionFacebookPlatform];
  const config = { token: 'EAAx', account_ids: ['1'] };

  test.each(platforms)('restates amounts of a group of $name, and only if it says so', async (platform) => {
    const streams = async (fields: object): Promise<readonly string[]> => {
      await using source = await platform.open('m8', { ...config, ...fields }).createSource();
      return (await source.discover()).map(({ name }) => name);
    };
    const plain = ['insights', 'campaigns', 'ad_sets', 'ads', 'ad_creatives'];
    expect(await streams({})).toEqual(plain);
    expect(await streams({ reporting_currency: 'AED' })).toEqual([...plain, 'fx_daily_rates']);
    const rates = { reporting_currency: 'AED', rates_base_url: 'http://127.0.0.1:4040/ecb' };
    expect(await streams(rates)).toEqual([...plain, 'fx_daily_rates']);
  });

  test.each([
    [{ reporting_currency: 'USD' }, 'must be AED'],
    [{ reporting_currency: true }, 'must be AED'],
    [{ rates_base_url: 'http://127.0.0.1:4040/ecb' }, 'needs reporting_currency'],
    [{ reporting_currency: 'AED', rates_base_url: 'file:///rates' }, 'rates_base_url'],
  ])('%j is a mistake of the configuration', { timeout: 60_000 }, async (fields, says) => {
    await using directory = await temporaryDirectory();
    const { exitCode, output } = await runEtl(['discover', 'facebook', 'm8'], {
      cwd: directory.path,
      env: { ETL_GROUPS_FACEBOOK: JSON.stringify({ m8: { ...config, ...fields } }) },
    });
    expect(exitCode, output).toBe(78);
    expect(output).toContain(says);
    expect(output).not.toContain('EAAx');
  });
});

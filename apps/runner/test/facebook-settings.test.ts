import { expect, test } from 'vitest';
import { facebookSettings, facebookVariables } from '../src/platforms/facebook-variables.ts';
import { facebookPlatform } from '../src/platforms/facebook.ts';
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

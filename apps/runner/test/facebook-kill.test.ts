import { setTimeout as delay } from 'node:timers/promises';
import { decimalText, startSandbox, type Sandbox } from '@etl/sandbox';
import { expect, test } from 'vitest';
import { runEtl, startEtl, temporaryDirectory } from './etl-process.ts';

const SUBMISSIONS = { method: 'POST', path: '*/act_*/insights' };
const PAGES = { method: 'GET', path: '/v25.0/62*/insights' };

/** A time zone in which it is about noon, so that no day ends while the test runs. */
function zoneAtNoon(): string {
  const ahead = 12 - new Date().getUTCHours();
  return ahead === 0 ? 'Etc/GMT' : `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`;
}

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 600 && !holds(); turn += 1) await delay(50);
  expect(holds()).toBe(true);
}

function truth({ world }: Sandbox): string[] {
  const rows = world.accounts.flatMap(({ id: accountId }) => {
    const day = world.today(accountId);
    const since = new Date(Date.parse(day) - 30 * 86_400_000).toISOString().slice(0, 10);
    return world.insights({ accountId, since, until: day, includeRemoved: true });
  });
  return rows
    .map((row) => `${row.dateStart}\t${row.adId}\t${Number(decimalText(row.spendMinor, row.currency))}\t${row.reach}`)
    .sort();
}

test(
  'killed in the middle of insights, the next run submits no report again and ends with the tables of the world',
  {
    timeout: 180_000,
  },
  async () => {
    await using directory = await temporaryDirectory();
    const zone = zoneAtNoon();
    await using sandbox = await startSandbox({
      seed: 'kill',
      now: new Date(),
      platforms: ['facebook'],
      accounts: [
        { currency: 'USD', timeZone: zone },
        { currency: 'JPY', timeZone: zone },
      ],
      facebook: { reports: { steps: 2, hasQuirks: false } },
    });
    const { control } = sandbox;
    const { baseUrl, token } = sandbox.facebook;
    const accountIds = sandbox.world.accounts.map(({ id }) => id);
    const options = {
      cwd: directory.path,
      env: {
        ETL_GROUPS_FACEBOOK: JSON.stringify({ d1: { token, account_ids: accountIds, base_url: baseUrl } }),
        FB_INSIGHTS_MAX_ASYNC_SLEEP_SECONDS: '1',
      },
    };
    const etl = ['run', 'facebook', 'd1', '--embedded', '--stream', 'insights'];

    // Its pages never come: whoever reads them is in the middle of it.
    control.fault({ kind: 'slow', delayMs: 60_000, times: 1000, match: PAGES });
    const first = startEtl(etl, options);
    await until(() => control.faults().some(({ met }) => met >= accountIds.length));
    const submitted = control.requests(SUBMISSIONS);
    // Four windows of up to eight days, the counts of people apart.
    expect(submitted).toHaveLength(accountIds.length * 8);
    first.child.kill('SIGKILL');
    expect((await first.outcome).signal).toBe('SIGKILL');

    control.clearFaults();
    const second = await runEtl(etl, options);
    expect(second.exitCode, second.output).toBe(0);
    expect(control.requests(SUBMISSIONS)).toHaveLength(submitted.length);

    const sql = 'SELECT date_start, ad_id, toFloat64(spend), reach FROM travel.fb___insights';
    const loaded = await runEtl(['sql', '--embedded', '--format', 'TSV', sql], options);
    expect(loaded.exitCode, loaded.output).toBe(0);
    expect(loaded.stdout.trimEnd().split('\n').sort()).toEqual(truth(sandbox));

    // What was published is read anew: a report is of use to one load.
    const third = await runEtl(etl, options);
    expect(third.exitCode, third.output).toBe(0);
    expect(control.requests(SUBMISSIONS).length).toBeGreaterThan(submitted.length);
  },
);

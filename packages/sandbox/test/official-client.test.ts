import { AdAccount, FacebookAdsApi, User } from 'facebook-nodejs-business-sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../src/index.ts';

// What the client gives back has no useful types: 24.0.0 of its definitions knows neither fields nor cursors.
// oxlint-disable-next-line typescript/no-explicit-any
type Untyped = any;

/** The client of Facebook itself, pointed at the sandbox by the last argument of its own `call`. */
class SandboxApi extends FacebookAdsApi {
  readonly #base: string;

  constructor(token: string, base: string) {
    super(token, 'en_US', false);
    this.#base = base;
  }

  override call(...[method, path, parameters, files, multipart, url]: Untyped[]): Promise<Untyped> {
    const call = super.call.bind(this) as (...all: Untyped[]) => Promise<Untyped>;
    return call(
      method,
      path,
      parameters ?? {},
      files ?? {},
      multipart ?? false,
      url === '' || url === undefined ? this.#base : url,
    );
  }
}

let sandbox: Sandbox;
let api: SandboxApi;
let account: Untyped;
let id: string;
const report = { level: 'ad', time_increment: 1, time_range: { since: '2026-03-01', until: '2026-03-03' } };

beforeEach(async () => {
  sandbox = await startSandbox({ facebook: { reports: { hasQuirks: false } } });
  api = new SandboxApi(sandbox.facebook.token, sandbox.facebook.baseUrl);
  id = sandbox.world.accounts[0]?.id ?? '';
  account = new (AdAccount as Untyped)(`act_${id}`, {}, undefined, api);
});
afterEach(() => sandbox[Symbol.asyncDispose]());

async function allOf(cursor: Untyped): Promise<Untyped[]> {
  const rows: Untyped[] = [...cursor];
  let page = cursor;
  while (page.hasNext()) {
    page = await page.next();
    rows.push(...page);
  }
  return rows;
}

describe('the official client', () => {
  it('reads an account and the list of accounts', async () => {
    const read = await account.read(['name', 'currency', 'timezone_name']);
    expect(read._data).toMatchObject({ id: `act_${id}`, currency: 'USD', timezone_name: 'America/Los_Angeles' });
    const me = new (User as Untyped)('me', {}, undefined, api);
    const accounts = await allOf(await me.getAdAccounts(['account_id'], { limit: 4 }));
    expect(accounts.map((each) => each.account_id)).toEqual(sandbox.world.accounts.map((each) => each.id));
  });

  it.each([
    ['getCampaigns', 'campaigns'],
    ['getAdSets', 'adSets'],
    ['getAds', 'ads'],
    ['getAdCreatives', 'creatives'],
  ] as const)('pages through what %s gives', async (method, of) => {
    const rows = await allOf(await account[method](['id', 'name'], { limit: 9 }));
    const expected = sandbox.world[of](id).filter(
      ({ effectiveStatus }) => effectiveStatus !== 'DELETED' && effectiveStatus !== 'ARCHIVED',
    );
    expect(new Map(rows.map((row) => [row.id, row.name]))).toEqual(new Map(expected.map((row) => [row.id, row.name])));
  });

  it('reads a report at once', async () => {
    const rows = await allOf(await account.getInsights(['ad_id', 'spend', 'actions'], { ...report, limit: 20 }));
    expect(rows.map((row) => row._data)).toEqual(
      sandbox.facebook.insightRows(id, {
        level: 'ad',
        fields: 'ad_id,spend,actions',
        time_increment: '1',
        time_range: JSON.stringify(report.time_range),
      }),
    );
  });

  it('submits a report, polls it and reads its rows', async () => {
    const run = await account.getInsightsAsync(['ad_id', 'spend'], report);
    // The client gives a report the process-wide api in the place of the account's.
    run._api = api;
    const statuses: string[] = [];
    for (;;) {
      const polled = await run.get(['async_status', 'async_percent_completion']);
      statuses.push(polled.async_status);
      if (polled.async_status === 'Job Completed') break;
    }
    expect(statuses).toEqual(['Job Not Started', 'Job Started', 'Job Running', 'Job Completed']);
    const rows = await allOf(await run.getInsights([], { limit: 25 }));
    expect(rows).toHaveLength(sandbox.world.insights({ accountId: id, ...report.time_range }).length);
  });

  it('sees the usage headers', async () => {
    api.setShowHeader(true);
    const answer: Untyped = await api.call('GET', [`act_${id}`, 'campaigns'], { fields: 'id' });
    expect(JSON.parse(answer.headers['x-business-use-case-usage'])[id][0]).toMatchObject({ type: 'ads_management' });
  });

  it.each([
    [{ kind: 'rate-limit', code: 80004 } as const, 400, { code: 80004, error_subcode: 2446079 }],
    [{ kind: 'too-much-data', form: 'data-points' } as const, 400, { code: 100, error_subcode: 1487534 }],
    [{ kind: 'graph-error', code: 2 } as const, 500, { code: 2, is_transient: true }],
  ])('understands the error of %o', async (fault, status, response) => {
    sandbox.control.fault(fault);
    await expect(account.getCampaigns(['id'])).rejects.toMatchObject({
      name: 'FacebookRequestError',
      status,
      response: { ...response, fbtrace_id: expect.any(String) },
    });
  });

  it('understands that a token has expired', async () => {
    sandbox.facebook.revokeToken(sandbox.facebook.token, 463);
    await expect(account.read(['name'])).rejects.toMatchObject({
      status: 400,
      response: { code: 190, error_subcode: 463, type: 'OAuthException' },
    });
  });
});

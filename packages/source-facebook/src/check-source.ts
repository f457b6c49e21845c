import { EtlError, silentLogger, type OperationOptions } from '@etl/core';
import { z } from 'zod';
import { sunsetOf } from './api-version.ts';
import type { AdAccounts } from './ad-accounts.ts';
import type { GraphClient } from './graph-client.ts';
import type { ResolvedOptions } from './options.ts';
import type { ReportingRates } from './reporting-rates.ts';

const tokenSchema = z.object({
  data: z.object({
    is_valid: z.boolean(),
    expires_at: z.number().optional(),
    data_access_expires_at: z.number().optional(),
    scopes: z.array(z.string()).optional(),
    error: z.object({ subcode: z.number().optional() }).optional(),
  }),
});

const DAY_MS = 86_400_000;
const WARN_DAYS = [1, 7, 30] as const;
/** A new version takes a change of this package, not only of a secret. */
const WARN_VERSION_DAYS = 60;

/** What a source is made of, as far as it can be wrong. */
export interface CheckedParts {
  readonly graph: GraphClient;
  readonly accounts: AdAccounts;
  readonly options: ResolvedOptions;
  readonly rates?: ReportingRates | undefined;
}

/**
 * Proves token, scopes, access to every account and, if they are restated, the rate of today for each, and warns of a
 * token that is about to expire.
 *
 * @throws the only problem, or `FACEBOOK_CHECK_FAILED` with all of them as its cause.
 */
export async function checkSource(
  { graph, accounts, options, rates }: CheckedParts,
  call: OperationOptions,
): Promise<void> {
  const problems: EtlError[] = [];
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      call.signal?.throwIfAborted();
      problems.push(EtlError.from(error));
    }
  };
  await attempt(async () => checkVersion(options.apiVersion, graph.clock.now(), call));
  await attempt(() => checkToken(graph, options.token, call));
  // With a token that is of no use, every account would only say so again.
  if (problems.length === 0) {
    await Promise.all(
      options.accountIds.map((id) =>
        attempt(async () => {
          if (rates === undefined) return accounts.get(id, call);
          const { currency, today, rateOf } = await rates.of(id, undefined, call);
          return rateOf(currency, today);
        }),
      ),
    );
  }
  const [first, ...others] = problems;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  throw new EtlError({
    code: 'FACEBOOK_CHECK_FAILED',
    kind: first.kind,
    message: `${problems.length} things are wrong: ${problems.map(({ message }) => message).join(' ')}`,
    hint: 'Mend each of them; the cause lists them one by one.',
    cause: new AggregateError(problems),
  });
}

/** @throws FACEBOOK_VERSION_RETIRED (config) */
function checkVersion(version: string, now: number, { logger = silentLogger }: OperationOptions): void {
  const sunset = sunsetOf(version);
  const days = sunset === undefined ? Infinity : Math.ceil((Date.parse(sunset) - now) / DAY_MS);
  if (days > WARN_VERSION_DAYS) return;
  if (days > 0) {
    const fields = { api_version: version, days_left: days, reason: `${version} is answered until ${sunset}` };
    logger.warn(fields, 'facebook api version expires soon');
    return;
  }
  throw new EtlError({
    code: 'FACEBOOK_VERSION_RETIRED',
    kind: 'config',
    message: `The Marketing API has not answered ${version} since ${sunset}.`,
    hint: 'Update this package, or set apiVersion to a newer one.',
  });
}

async function checkToken(graph: GraphClient, token: string, call: OperationOptions): Promise<void> {
  const answer = tokenSchema.parse(await graph.get('debug_token', { input_token: token }, undefined, call));
  const { is_valid: isValid, scopes = [], expires_at: expiresAt, data_access_expires_at: dataUntil } = answer.data;
  if (!isValid) {
    throw new EtlError({
      code: 'FACEBOOK_TOKEN_INVALID',
      kind: 'auth',
      message: 'Facebook says that the access token is not valid.',
      hint: 'Put a valid token into the group.',
    });
  }
  // 0 stands for never.
  const ends = [expiresAt, dataUntil].filter((end): end is number => end !== undefined && end > 0);
  const days = (Math.min(...ends) * 1000 - graph.clock.now()) / DAY_MS;
  const step = WARN_DAYS.find((limit) => days <= limit);
  if (step !== undefined) {
    const left = Math.max(0, Math.floor(days));
    const fields = { days_left: left, warned_from_days: step, reason: `${left} days are left` };
    (call.logger ?? silentLogger).warn(fields, 'facebook token expires soon');
  }
  if (scopes.includes('ads_read') || scopes.includes('ads_management')) return;
  throw new EtlError({
    code: 'FACEBOOK_SCOPE_MISSING',
    kind: 'permission',
    message: 'The access token has neither ads_read nor ads_management.',
    hint: 'Issue the token again with ads_read.',
  });
}

import { EtlError, silentLogger, type OperationOptions } from '@etl/core';
import { z } from 'zod';
import type { AdAccounts } from './ad-accounts.ts';
import type { GraphClient } from './graph-client.ts';
import type { ResolvedOptions } from './options.ts';

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

/**
 * Proves token, scopes and access to every account, and warns of a token that is about to expire.
 *
 * @throws the only problem, or `FACEBOOK_CHECK_FAILED` with all of them as its cause.
 */
export async function checkSource(
  graph: GraphClient,
  accounts: AdAccounts,
  options: ResolvedOptions,
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
  await attempt(() => checkToken(graph, options.token, call));
  // With a token that nobody takes, every account would only say so again.
  if (!problems.some(({ kind }) => kind === 'auth' || kind === 'config')) {
    await Promise.all(options.accountIds.map((id) => attempt(() => accounts.get(id, call))));
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
    const fields = { days_left: Math.max(0, Math.floor(days)), warned_from_days: step };
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

// Loaded with --import before the command line: a platform whose replies hold secrets in every place where one can be.
import { dailySlices, defineSource, defineStream, EtlError } from '@etl/core';
import { bearer, createHttpClient } from '@etl/core/http';
import { z } from 'zod';
import { definePlatform } from '../src/platform.ts';
import { registerPlatform } from '../src/registry.ts';

const groupSchema = z.strictObject({ url: z.string(), token: z.string(), accounts: z.array(z.string()) });

function canarySource({ url, token, accounts }: z.infer<typeof groupSchema>) {
  const http = createHttpClient({
    baseUrl: url,
    authorization: bearer(token),
    query: { access_token: token },
    retry: { attempts: 2, baseMs: 1 },
    classify: ({ json }) => {
      const { error } = Object(json) as { error?: { message: string } };
      return (
        error && new EtlError({ code: 'CANARY_REFUSED', kind: 'data', message: error.message, hint: error.message })
      );
    },
  });
  const report = defineStream({
    name: 'report',
    schema: z.object({ account_id: z.string(), day: z.iso.date(), clicks: z.int() }),
    primaryKey: ['account_id', 'day'],
    writeDisposition: 'replace',
    scope: { keys: ['account_id'], day: 'day' },
    slices: ({ now = new Date() }) =>
      accounts.flatMap((id) =>
        dailySlices({ account: { column: 'account_id', id }, timeZone: 'UTC', now, historyDays: 1, lookbackDays: 0 }),
      ),
    async *read(slice, { signal, logger, onCall, memory }) {
      const account = String(slice.scope?.equals['account_id']);
      const day = slice.scope?.days?.start ?? '';
      logger?.info({ token, url: `${url}/${account}?access_token=${token}` }, `reads ${account} with ${token}`);
      if (account === 'throws') throw new TypeError(`cannot read ${token} of {"access_token":"${token}"}`);
      if (account === 'remembers') await memory?.set('report', { id: 'r-1' });
      const { body } = await http.json(account, { signal, logger, onCall });
      const { rows, next } = body as { rows: readonly { clicks: number }[]; next?: string };
      if (next !== undefined) await http.json(next, { signal, logger, onCall });
      yield { rows: rows.map(({ clicks }) => ({ account_id: account, day, clicks })) };
    },
  });
  return defineSource({ name: 'facebook', streams: { report }, check: async () => undefined });
}

const canaryPlatform = definePlatform({
  name: 'facebook',
  groupSchema,
  open: (name, group) => ({
    name,
    target: { destination: 'clickhouse', dataset: 'canary' },
    secrets: [group.token],
    createSource: async () => canarySource(group),
  }),
});

registerPlatform('facebook', { title: 'replies with secrets', load: async () => canaryPlatform });

// Loaded with --import before the command line: a platform of made-up daily reports, behind a real HTTP address.
import { dailySlices, defineSource, defineStream, EtlError, type EtlErrorOptions } from '@etl/core';
import { z } from 'zod';
import { definePlatform } from '../src/platform.ts';
import { registerPlatform } from '../src/registry.ts';

const groupSchema = z.strictObject({
  url: z.string(),
  token: z.string(),
  accounts: z.array(z.string()),
  historyDays: z.int().default(4),
  dataset: z.string().default('ads'),
});

const NEVER = 'http://never.invalid';
const rowSchema = z.object({ account_id: z.string(), day: z.iso.date(), clicks: z.int() });

const adsPlatform = definePlatform({
  name: 'facebook',
  groupSchema,
  open: (name, group) => ({
    name,
    target: { destination: 'clickhouse', dataset: group.dataset },
    secrets: [group.token],
    createSource: async () => adsSource(group),
  }),
});

function adsSource({ url, token, accounts, historyDays }: z.infer<typeof groupSchema>) {
  const insights = defineStream({
    name: 'insights',
    schema: rowSchema,
    primaryKey: ['account_id', 'day'],
    writeDisposition: 'replace',
    scope: { keys: ['account_id'], day: 'day' },
    slices: ({ now = new Date(), days }) =>
      accounts.flatMap((id) =>
        dailySlices({
          account: { column: 'account_id', id },
          timeZone: 'UTC',
          now,
          days,
          historyDays,
          lookbackDays: 0,
        }),
      ),
    async *read(slice, { signal }) {
      // An answer that will never come, and that nothing is under way for.
      if (url === NEVER) await new Promise(() => undefined);
      const { equals = {}, days } = slice.scope ?? {};
      const response = await fetch(`${url}/${String(equals['account_id'])}/${days?.start}`, {
        headers: { authorization: `Bearer ${token}` },
        ...(signal === undefined ? {} : { signal }),
      });
      const answer = (await response.json()) as { rows?: unknown[]; error?: EtlErrorOptions };
      if (answer.error !== undefined) throw new EtlError(answer.error);
      yield { rows: (answer.rows ?? []) as z.input<typeof rowSchema>[] };
    },
  });
  return defineSource({ name: 'facebook', streams: { insights }, check: async () => undefined });
}

registerPlatform('facebook', { title: 'made-up reports', load: async () => adsPlatform });

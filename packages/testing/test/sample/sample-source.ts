import {
  addDays,
  dailySlices,
  decimal,
  defineSource,
  defineStream,
  EtlError,
  type Slice,
  type Source,
  type SourceMessage,
} from '@etl/core';
import { createHttpClient, fixedHeaders, paginate, type Clock } from '@etl/core/http';
import { z } from 'zod';
import { ACCOUNTS, TOKEN } from './sample-platform.ts';

/** Mistakes that authors make; see the table of `mutants.ts`. */
export type Bug =
  | 'drops the last row of a page'
  | 'says completed after the first page'
  | 'ignores the slices it is asked for'
  | 'gives a page again after an error'
  | 'reads the day before'
  | 'ends a window a day late'
  | 'makes an error an empty slice'
  | 'trusts a short page'
  | 'leaks the token in an error'
  | 'asks wherever the next link points'
  | 'ignores the signal'
  | 'reads everything before the first row'
  | 'throws errors without a kind'
  | 'settles days that are still restated'
  | 'uses the clock of the machine'
  | 'plans in an order of its own'
  | 'plans a day twice'
  | 'leaves a required column out'
  | 'takes rows from its memory';

const page = z.object({
  total: z.int(),
  rows: z.array(z.record(z.string(), z.unknown())),
  next: z.string().optional(),
});

/** A source as an author would write it; with a bug, as an author might. */
export function sampleSource(options: { readonly baseUrl: string; readonly clock: Clock; readonly bug?: Bug }): Source {
  const { baseUrl, clock, bug } = options;
  const http = createHttpClient({
    baseUrl,
    clock,
    authorization: fixedHeaders({ authorization: `Bearer ${TOKEN}` }),
    secrets: [TOKEN],
  });
  let plans = 0;
  const insights = defineStream({
    name: 'insights',
    schema: z.object({
      account_id: z.string(),
      day: z.iso.date(),
      ad_id: z.string(),
      spend: decimal(18, 6),
    }),
    primaryKey: ['account_id', 'day', 'ad_id'],
    writeDisposition: 'replace',
    scope: { keys: ['account_id'], day: 'day' },
    windowDays: 3,
    slices({ now = new Date(), days }) {
      plans += 1;
      const at = bug === 'uses the clock of the machine' ? new Date() : now;
      const slices: Slice[] = ACCOUNTS.flatMap(({ id, timeZone }) => [
        ...dailySlices({
          account: { column: 'account_id', id },
          timeZone,
          now: at,
          historyDays: 3,
          lookbackDays: bug === 'settles days that are still restated' ? -5 : 3,
          days,
        }),
      ]);
      if (bug === 'plans in an order of its own' && plans % 2 === 0) slices.reverse();
      if (bug === 'plans a day twice')
        slices.push(...slices.slice(0, 1).map((one) => ({ ...one, key: `${one.key}b` })));
      return slices;
    },
    async *read(slice, { signal, memory }) {
      const { account_id: account } = slice.scope?.equals ?? {};
      const days = slice.scope?.days ?? { start: '', end: '' };
      const shift = bug === 'reads the day before' ? -1 : 0;
      const isWindow = addDays(days.start, 1) < days.end;
      const query = {
        account: String(account),
        since: addDays(days.start, shift),
        until: addDays(days.end, shift + (bug === 'ends a window a day late' && isWindow ? 1 : 0)),
      };
      const remembered = bug === 'takes rows from its memory' ? await memory?.get('rows') : undefined;
      if (remembered !== undefined) return;
      await memory?.set('rows', true);
      let seen = 0;
      let total = 0;
      const read = async (next: string | undefined) => {
        const policy = bug === 'ignores the signal' ? {} : { signal };
        const target = next ?? 'reports';
        const request = next === undefined ? { ...policy, query } : policy;
        const isFollowed = bug === 'asks wherever the next link points' && next !== undefined;
        const answer = isFollowed
          ? await (await fetch(next, { headers: { authorization: `Bearer ${TOKEN}` } })).json()
          : (await http.json(target, request)).body;
        const body = page.safeParse(answer);
        if (body.success) return body.data;
        throw new EtlError({
          code: 'SAMPLE_REPORT_FAILED',
          kind: 'data',
          message: 'The report failed on the platform.',
        });
      };
      const pages = paginate({
        name: 'insights',
        read,
        end: ({ next, rows }) => ({
          count: rows.length,
          next: bug === 'says completed after the first page' ? undefined : next,
        }),
      });
      const held: Record<string, unknown>[] = [];
      for await (const { rows, total: all } of pages) {
        seen += rows.length;
        total = all;
        const mine = rows.map((row) => ({ ...row, ...(shift === 0 ? {} : { day: days.start }) }));
        if (bug === 'drops the last row of a page') mine.pop();
        held.push(...mine);
        if (bug !== 'reads everything before the first row') yield { rows: mine as never };
      }
      if (bug === 'reads everything before the first row') yield { rows: held as never };
      if (seen === total || bug === 'trusts a short page' || bug === 'says completed after the first page') return;
      throw new EtlError({ code: 'SAMPLE_ROWS_MISSING', kind: 'data', message: 'The platform left out rows.' });
    },
  });
  const source = defineSource({
    name: 'sample',
    streams: { insights },
    check: async ({ signal }) => {
      await http.json('reports', { signal, query: { account: '7', since: '2026-01-01', until: '2026-01-02' } });
    },
  });
  return bug === undefined ? source : { ...source, read: (request = {}) => buggyRead(source, request, bug) };
}

async function* buggyRead(
  source: Source,
  request: NonNullable<Parameters<Source['read']>[0]>,
  bug: Bug,
): ReturnType<Source['read']> {
  if (bug === 'reads everything before the first row') {
    const messages: SourceMessage[] = [];
    for await (const message of source.read(request)) messages.push(message);
    yield* messages;
    return;
  }
  const asked = bug === 'ignores the slices it is asked for' ? { ...request, slices: undefined } : request;
  const plain = bug === 'ignores the signal' ? { ...asked, signal: undefined } : asked;
  try {
    for await (const message of source.read(plain)) {
      if (message.type === 'records' && bug === 'leaves a required column out')
        yield { ...message, rows: message.rows.map(({ spend: _, ...row }) => row) };
      else yield message;
    }
  } catch (error) {
    if (bug === 'leaks the token in an error')
      throw new EtlError({ code: 'SAMPLE_FAILED', kind: 'auth', message: `Bearer ${TOKEN} was refused.` });
    if (bug === 'throws errors without a kind') throw new Error('request failed', { cause: error });
    const [stream, [slice] = []] = Object.entries(request.slices ?? {})[0] ?? [];
    if (stream === undefined || slice === undefined) throw error;
    if (bug === 'gives a page again after an error') {
      yield* source.read(request);
      return;
    }
    if (bug !== 'makes an error an empty slice') throw error;
    yield { type: 'slice-completed', stream, slice };
  }
}

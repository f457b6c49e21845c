import { addDays, dailySlices, defineStream, type Slice, type Stream } from '@etl/core';
import { decimal } from '@etl/core/columns';
import type { HttpClient } from '@etl/core/http';
import { z } from 'zod';
import type { Bug } from './sample-bug.ts';
import { pagesOf } from './sample-pages.ts';
import { ACCOUNTS } from './sample-platform.ts';

const schema = z.object({
  account_id: z.string(),
  day: z.iso.date(),
  ad_id: z.string(),
  spend: decimal(18, 6),
});

/** A daily report per account that the platform restates for three days. */
export function insights(http: HttpClient, bug: Bug | undefined): Stream<z.output<typeof schema>> {
  let plans = 0;
  return defineStream({
    name: 'insights',
    schema,
    primaryKey: ['account_id', 'day', 'ad_id'],
    writeDisposition: 'replace',
    scope: { keys: ['account_id'], day: 'day' },
    windowDays: 3,
    slices({ now = new Date(), days }) {
      plans += 1;
      const asked = bug === 'plans its usual days in a backfill' ? undefined : days;
      const slices: Slice[] = ACCOUNTS.flatMap(({ id, timeZone }) => [
        ...dailySlices({
          account: { column: 'account_id', id },
          timeZone,
          now: bug === 'uses the clock of the machine' ? new Date() : now,
          historyDays: 3,
          lookbackDays: bug === 'settles days that are still restated' ? -5 : 3,
          days:
            asked !== undefined && bug === 'plans the end of a backfill too'
              ? { ...asked, end: addDays(asked.end, 1) }
              : asked,
        }),
      ]);
      if (bug === 'plans in an order of its own' && plans % 2 === 0) slices.reverse();
      if (bug === 'plans a day twice')
        slices.push(...slices.slice(0, 1).map((one) => ({ ...one, key: `${one.key}b` })));
      return slices;
    },
    async *read(slice, { signal, memory }) {
      const days = slice.scope?.days ?? { start: '', end: '' };
      const shift = bug === 'reads the day before' ? -1 : 0;
      const isLate = bug === 'ends a window a day late' && addDays(days.start, 1) < days.end;
      const query = {
        account: String(slice.scope?.equals['account_id']),
        since: addDays(days.start, shift),
        until: addDays(days.end, shift + (isLate ? 1 : 0)),
      };
      const remembered = bug === 'takes rows from its memory' ? await memory?.get('rows') : undefined;
      if (remembered !== undefined) return;
      await memory?.set('rows', true);
      for await (const rows of pagesOf({ http, name: 'insights', path: 'reports', query, signal, bug })) {
        const mine = rows.map((row) => ({ ...row, ...(shift === 0 ? {} : { day: days.start }) }));
        if (bug === 'drops the last row of a page') mine.pop();
        yield { rows: mine as never };
      }
    },
  });
}

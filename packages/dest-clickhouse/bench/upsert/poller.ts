import { openClickHouse } from '../../src/index.ts';
import { say } from '../child-program.ts';
import { readRows } from '../read-rows.ts';

/** The process that asks for the state of tables again and again, each question on a connection of its own. */
const [url = '', ...polls] = process.argv.slice(2);
const now = (): number => performance.timeOrigin + performance.now();
await Promise.all(
  polls.map(async (sql, poll) => {
    await using reader = await openClickHouse({ url, database: 'travel' });
    for (;;) {
      const start = now();
      const state = JSON.stringify(await readRows(reader, sql));
      say({ poll, start, end: now(), state });
    }
  }),
);

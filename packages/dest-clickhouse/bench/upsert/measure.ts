import type { ClickHouseReader } from '../../src/index.ts';
import { costOf, type Cost } from '../cost.ts';
import { readRows } from '../read-rows.ts';

export interface Measure extends Cost {
  /** Bytes that reached files, background merges and mutations included. */
  readonly megabytes: number;
  readonly polls: number;
  /** Polls that saw a table neither as it was before nor as it was after. */
  readonly wrongPolls: number;
}

/** Measures work while a reader asks for the state of each table again and again. */
export async function measure(
  reader: ClickHouseReader,
  polls: readonly string[],
  work: () => Promise<void>,
): Promise<Measure> {
  await settle(reader);
  const ask = async (sql: string): Promise<string> => JSON.stringify(await readRows(reader, sql));
  const states = polls.map((sql) => ({ sql, allowed: new Set<string>(), seen: [] as string[] }));
  for (const { sql, allowed } of states) allowed.add(await ask(sql));
  const over = new AbortController();
  const written = await bytesWritten(reader);
  const polling = (async () => {
    while (!over.signal.aborted && states.length > 0) {
      for (const { sql, seen } of states) seen.push(await ask(sql));
      // A reader that never rests would take most of the machine from what it watches.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  const cost = await costOf(work);
  over.abort();
  await polling;
  const megabytes = ((await bytesWritten(reader)) - written) / 1e6;
  for (const { sql, allowed } of states) allowed.add(await ask(sql));
  const wrongPolls = states.flatMap(({ allowed, seen }) => seen.filter((state) => !allowed.has(state))).length;
  return { ...cost, megabytes, polls: states.reduce((sum, { seen }) => sum + seen.length, 0), wrongPolls };
}

/** Waits for merges and mutations, so that one measure does not pay for another one's. */
async function settle(reader: ClickHouseReader): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const [row] = await readRows<{ busy: string }>(
      reader,
      'SELECT (SELECT count() FROM system.merges) + (SELECT count() FROM system.mutations WHERE NOT is_done) AS busy',
    );
    if (Number(row?.busy) === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function bytesWritten(reader: ClickHouseReader): Promise<number> {
  const [row] = await readRows<{ bytes: string }>(
    reader,
    "SELECT sum(value) AS bytes FROM system.events WHERE event = 'WriteBufferFromFileDescriptorWriteBytes'",
  );
  return Number(row?.bytes ?? 0);
}

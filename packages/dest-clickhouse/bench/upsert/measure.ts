import type { ClickHouseReader } from '../../src/index.ts';
import { costOf, type Cost } from '../cost.ts';
import { readRows } from '../read-rows.ts';

export interface Measure extends Cost {
  /** Bytes that reached files, background merges and mutations included. */
  readonly megabytes: number;
  readonly polls: number;
  /** Polls that saw neither the state before nor the state after, or two tables that do not match. */
  readonly wrongPolls: number;
}

/** What one state of the tables looks like to a reader. */
export type State = string;

/** Measures work while a reader asks for the state of the tables again and again. */
export async function measure(
  reader: ClickHouseReader,
  pollSql: string | undefined,
  work: () => Promise<void>,
): Promise<Measure> {
  await settle(reader);
  const ask = async (): Promise<State> => JSON.stringify(await readRows(reader, pollSql ?? 'SELECT 1'));
  const seen: State[] = [];
  const before = await ask();
  let isOver = false;
  const written = await bytesWritten(reader);
  const polling = (async () => {
    while (!isOver && pollSql !== undefined) {
      seen.push(await ask());
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  const cost = await costOf(work);
  isOver = true;
  await polling;
  const megabytes = ((await bytesWritten(reader)) - written) / 1e6;
  const after = await ask();
  if(process.env['DBG']) console.log(before, [...new Set(seen)], after);
  const wrongPolls = seen.filter((state) => state !== before && state !== after).length;
  return { ...cost, megabytes, polls: seen.length, wrongPolls };
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

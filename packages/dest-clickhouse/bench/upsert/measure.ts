import type { ClickHouseReader } from '../../src/index.ts';
import { costOf, type Cost } from '../cost.ts';
import { readRows } from '../read-rows.ts';

export interface Measure extends Cost {
  /** Bytes that reached files, background merges and mutations included. */
  readonly megabytes: number;
}

/** Measures work while nobody reads. */
export async function measure(reader: ClickHouseReader, work: () => Promise<void>): Promise<Measure> {
  await settle(reader);
  const written = await bytesWritten(reader);
  const cost = await costOf(work);
  return { ...cost, megabytes: ((await bytesWritten(reader)) - written) / 1e6 };
}

/** Waits for merges and mutations, so that one measure does not pay for another one's. */
export async function settle(reader: ClickHouseReader): Promise<void> {
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

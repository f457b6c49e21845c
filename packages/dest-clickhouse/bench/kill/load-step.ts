import type { DestinationSession, LedgerEntry } from '@etl/core';
import { stepOf, STREAMS } from './world.ts';

/** The position the tables stand at. */
export async function positionOf(session: DestinationSession): Promise<number> {
  return Number((await session.readState())[0]?.value ?? 0);
}

/** Loads one step of the world as one load. */
export async function loadStep(session: DestinationSession, seed: number, position: number): Promise<void> {
  const { slice, rows, truncates } = stepOf(seed, position);
  await using load = await session.beginLoad();
  for (const stream of Object.values(STREAMS)) {
    const loaded = rows[stream.name];
    if (loaded === undefined) continue;
    await load.prepare(stream);
    if (truncates && stream.name === 'change') await load.truncate(stream.name);
    await load.write(stream.name, loaded);
  }
  const entry: LedgerEntry = {
    stream: 'report',
    slice: slice.key,
    status: 'good',
    rows: rows.report?.length ?? 0,
    readAt: new Date(0).toISOString(),
    attempts: 1,
  };
  await load.publish('report', slice, entry);
  await load.commit([{ stream: '', partition: 'position', value: position }]);
}

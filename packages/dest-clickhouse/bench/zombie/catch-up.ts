import type { DestinationSession, LedgerEntry } from '@etl/core';
import { STREAMS, stepOf } from '../kill/world.ts';

/** The position the tables stand at. */
export async function positionOf(session: DestinationSession): Promise<number> {
  return Number((await session.readState())[0]?.value ?? 0);
}

/** Loads every step between the stored position and `target`, each as one load; returns how many. */
export async function catchUp(session: DestinationSession, seed: number, target: number): Promise<number> {
  let loads = 0;
  for (let position = (await positionOf(session)) + 1; position <= target; position += 1) {
    const step = stepOf(seed, position);
    await using load = await session.beginLoad();
    for (const stream of Object.values(STREAMS)) {
      if (stream.name === 'catalog' && step.catalog === undefined) continue;
      await load.prepare(stream);
    }
    if (step.truncates) await load.truncate('change');
    for (const name of ['report', 'entity', 'change', 'event'] as const) await load.write(name, step[name]);
    if (step.catalog !== undefined) await load.write('catalog', step.catalog);
    const entry: LedgerEntry = {
      stream: 'report',
      slice: step.slice.key,
      status: 'good',
      rows: step.report.length,
      readAt: new Date(0).toISOString(),
      attempts: 1,
    };
    await load.publish('report', step.slice, entry);
    await load.commit([{ stream: '', partition: 'position', value: position }]);
    loads += 1;
  }
  return loads;
}

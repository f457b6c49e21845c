import type { LedgerEntry } from '@etl/core';
import { clickhouse } from '../../src/index.ts';
import { say } from '../child-program.ts';
import { loadOf, STREAMS } from './history.ts';

/** The process that loads while another one reads. */
const [url = '', seed = '1', loads = '1'] = process.argv.slice(2);
await using destination = clickhouse({ url, database: 'travel', dataset: 'shop' });
await using session = await destination.open('reader-test');
for (let position = 1; position <= Number(loads); position += 1) {
  const next = loadOf(Number(seed), position);
  say({ type: 'begun', position });
  await using load = await session.beginLoad();
  await load.prepare(STREAMS.report);
  await load.prepare(STREAMS.entity);
  await load.write('report', next.report);
  await load.write('entity', next.entity);
  if (next.catalog !== undefined) {
    await load.prepare(STREAMS.catalog);
    await load.write('catalog', next.catalog);
  }
  const entry: LedgerEntry = {
    stream: 'report',
    slice: next.slice.key,
    status: 'good',
    rows: next.report.length,
    readAt: new Date(0).toISOString(),
    attempts: 1,
  };
  await load.publish('report', next.slice, entry);
  await load.commit([{ stream: '', partition: 'position', value: position }]);
  say({ type: 'committed', position });
}

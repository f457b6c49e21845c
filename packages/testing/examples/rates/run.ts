// The connector of docs/connectors/writing-a-connector.md, alone and with a destination:
//   node packages/testing/examples/rates/run.ts
import process from 'node:process';
import { runPipeline } from '@etl/core';
import { memoryDestination } from '@etl/testing';
import { rates } from './rates.ts';
import { CURRENCIES, RatesWorld, TOKEN } from './rates-world.ts';

const world = new RatesWorld();
const platform = await world.start();
const source = rates({ baseUrl: platform.url, token: TOKEN, currencies: CURRENCIES });
const print = (...parts: readonly unknown[]): void => void process.stdout.write(`${parts.join(' ')}\n`);

// Alone: one slice of one stream.
const [slice] = await source.streams.dailyRates.slices({ now: new Date('2026-11-24T12:00:00Z') });
for await (const { rows } of source.streams.dailyRates.read(slice)) {
  for (const { day, bank, rate } of rows) print(day, bank, rate);
}

// With a destination: what is due, exactly once.
const destination = memoryDestination();
const run = async (now: string): Promise<void> => {
  const report = await runPipeline({ name: 'rates', source, destination, now: () => new Date(now) });
  const [stream] = report.streams;
  print(
    report.status,
    `${stream?.slicesPublished} slices`,
    `${report.rows} rows`,
    `${report.calls.reduce((sum, { calls }) => sum + calls, 0)} calls`,
  );
};
await run('2026-11-24T12:00:00Z');
await run('2026-11-24T13:00:00Z');
world.correct('EUR', '2026-11-22', '9.99');
await run('2026-11-25T12:00:00Z');
print(destination.store.rows('daily_rates').find(({ rate }) => rate === '9.99')?.['day']);

await source[Symbol.asyncDispose]();
await platform[Symbol.asyncDispose]();

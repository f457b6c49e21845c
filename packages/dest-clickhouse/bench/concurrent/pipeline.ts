import { clickhouse } from '../../src/index.ts';
import { say } from '../child-program.ts';
import { entryOf, roundOf, streamOf } from './rounds.ts';

/** One of the processes that load into one table at the same time, each its own account. */
const [url = '', seed = '1', number = '0', rounds = '1', widensAfter = '1'] = process.argv.slice(2);
const account = Number(number);
await using destination = clickhouse({ url, database: 'travel', dataset: 'shop' });
for (let round = 1; round <= Number(rounds);) {
  await using session = await destination.open(`pipeline_${account}`);
  // A run is a few loads: opening and closing takes part in the race.
  for (const last = round + 9; round <= Math.min(last, Number(rounds)); round += 1) {
    const { slice, rows } = roundOf(Number(seed), account, round);
    const stream = streamOf(account, round, Number(widensAfter));
    await using load = await session.beginLoad();
    await load.prepare(stream);
    await load.write(stream.name, rows);
    await load.publish(stream.name, slice, entryOf(slice, rows.length));
    const { loadId } = await load.commit([{ stream: '', partition: 'round', value: round }]);
    say({ loadId });
  }
}

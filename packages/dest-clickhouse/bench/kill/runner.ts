import { say } from '../child-program.ts';
import { openClickHouse, clickhouse } from '../../src/index.ts';
import { differences, leftovers } from './differences.ts';
import { loadStep, positionOf } from './load-step.ts';

/**
 * The process that is killed: opens the database, checks that its tables are exactly the world at
 * the stored position, then loads step after step until somebody kills it.
 */
const [path = '', seedText = '1'] = process.argv.slice(2);
const seed = Number(seedText);
const options = { path, database: 'travel', dataset: 'kill' };

say({ type: 'started' });
await using destination = clickhouse(options);
await using session = await destination.open('kill');
say({ type: 'opened', rolledForward: session.rolledForward.length });
let position = await positionOf(session);
{
  await using reader = await openClickHouse(options);
  const wrong = [...(await differences(reader, 'travel', seed, position))];
  for (const name of await leftovers(reader, 'travel'))
    if (!name.startsWith('_etl_lock_')) wrong.push(`${name} is left`);
  if (wrong.length > 0) {
    say({ type: 'wrong', position, wrong });
    process.exit(3);
  }
}
say({ type: 'verified', position });
for (;;) {
  position += 1;
  await loadStep(session, seed, position);
  say({ type: 'committed', position });
}

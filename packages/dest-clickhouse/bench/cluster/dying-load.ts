import { parseArgs } from 'node:util';
import { resolveOptions } from '../../src/clickhouse-destination.ts';
import { openConnection } from '../../src/open-connection.ts';
import { openDatabase } from '../../src/open-database.ts';
import { ClickHouseSession } from '../../src/session.ts';
import { writeRound } from './smoke-stream.ts';

/** A load whose process kills itself just before the first statement that contains a text. */
const { values } = parseArgs({
  options: {
    options: { type: 'string', default: '{}' },
    account: { type: 'string', default: '' },
    round: { type: 'string', default: '0' },
    before: { type: 'string', default: '' },
  },
});
const options = resolveOptions(JSON.parse(values.options));
const connection = await openConnection(options);
const command = connection.command.bind(connection);
connection.command = async (query, operation) => {
  if (query.includes(values.before)) process.kill(process.pid, 'SIGKILL');
  await command(query, operation);
};
const database = await openDatabase(connection, options, {});
const session = await ClickHouseSession.open(database, options, values.account, {});
const load = await session.beginLoad();
await writeRound(load, values.account, Number(values.round));
await load.commit([]);

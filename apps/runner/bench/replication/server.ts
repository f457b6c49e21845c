import { once } from 'node:events';
import { startChdbServer } from '@etl/testing';

/** An engine behind ClickHouse's HTTP interface, in a process of its own, until its standard input ends. */
const [path = ''] = process.argv.slice(2);
const server = await startChdbServer({ path, username: 'bench', password: 'bench' });
process.stdout.write(`${server.url.replace('//', '//bench:bench@')}\n`);
await once(process.stdin.resume(), 'end');
await server[Symbol.asyncDispose]();

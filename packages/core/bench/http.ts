// What the HTTP layer costs beside bare `fetch` (the server's own time included), and how fast files are read, in processor time.
//   node packages/core/bench/http.ts
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { gzipSync } from 'node:zlib';
import { createHttpClient, gunzip, Pacer, readCsv } from '../src/http/index.ts';

const REQUESTS = 1000;
const RECORDS = 200_000;

const page = JSON.stringify({ data: Array.from({ length: 100 }, (_, index) => ({ id: `${index}`, spend: '1.50' })) });
const lines = Array.from(
  { length: RECORDS },
  (_, index) => `2026-11-01,country ${index % 200},"app, ${index % 7}",${index},1.50\n`,
);
const table = Buffer.from(`day,country,app,installs,revenue\n${lines.join('')}`);
const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(table.toString(), 'utf16le')]);

const server = createServer((_, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(page);
});
await new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', resolve);
});
const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** Seconds of processor time, which other work on the machine disturbs least. */
async function seconds(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function print(what: string, result: string): void {
  process.stdout.write(`${what.padEnd(44)}${result}\n`);
}

const http = createHttpClient({
  baseUrl,
  headers: { 'x-api-key': 'an api key' },
  pacer: new Pacer({ name: 'bench', concurrency: 4 }),
});
const bare = async (): Promise<void> => {
  for (let index = 0; index < REQUESTS; index += 1) JSON.parse(await (await fetch(`${baseUrl}/a?n=${index}`)).text());
};
const layered = async (): Promise<void> => {
  for (let index = 0; index < REQUESTS; index += 1) await http.json('a', { query: { n: index } });
};
await bare();
await layered();
// In turns, so that both see the same machine; the fastest, for what else runs only ever adds.
const rounds: [number, number][] = [];
for (let round = 0; round < 5; round += 1) rounds.push([await seconds(bare), await seconds(layered)]);
const [one, other] = [Math.min(...rounds.map(([a]) => a)), Math.min(...rounds.map(([, b]) => b))];
print('fetch and JSON.parse, per request', `${((one / REQUESTS) * 1e6).toFixed(0)} µs`);
print('client.json, per request', `${((other / REQUESTS) * 1e6).toFixed(0)} µs   ratio ${(other / one).toFixed(2)}`);
server.close();

function* inParts(bytes: Buffer): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += 65_536) yield bytes.subarray(offset, offset + 65_536);
}

async function count(records: AsyncIterable<unknown>): Promise<number> {
  let found = 0;
  for await (const record of records) found += record === undefined ? 0 : 1;
  return found;
}

const files: Readonly<Record<string, () => AsyncIterable<unknown>>> = {
  'CSV, UTF-8': () => readCsv(inParts(table)),
  'CSV, UTF-16LE': () => readCsv(inParts(utf16)),
  'CSV in gzip': () => readCsv(gunzip(inParts(gzipped))),
};
const gzipped = gzipSync(table);
for (const [name, records] of Object.entries(files)) {
  const took = await seconds(async () => {
    if ((await count(records())) !== RECORDS) throw new Error('Records are missing.');
  });
  const megabytes = table.length / 2 ** 20 / took;
  print(name, `${(RECORDS / took / 1000).toFixed(0)} k records/s   ${megabytes.toFixed(0)} MB/s`);
}
const gunzipped = await seconds(() => count(gunzip(inParts(gzipped))));
print('gunzip', `${(table.length / 2 ** 20 / gunzipped).toFixed(0)} MB/s out`);

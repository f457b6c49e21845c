import { openClickHouse, clickhouse } from '../../src/index.ts';
import { lineOf, STREAMS, stepOf, worldAt, type StreamName } from './world.ts';

/**
 * The process that is killed: opens the database, checks that its tables are exactly the world at
 * the stored position, then loads step after step until somebody kills it.
 */
const [path = '', seedText = '1'] = process.argv.slice(2);
const seed = Number(seedText);
const options = { path, database: 'travel', dataset: 'kill' };

const say = (message: Record<string, unknown>): void => void process.stdout.write(`${JSON.stringify(message)}\n`);

await using destination = clickhouse(options);
await using session = await destination.open('kill');
say({ type: 'opened', rolledForward: session.rolledForward.length });
let position = Number((await session.readState())[0]?.value ?? 0);
await verify(position);
say({ type: 'verified', position });
for (;;) {
  position += 1;
  const step = stepOf(seed, position);
  const load = await session.beginLoad();
  for (const stream of Object.values(STREAMS)) {
    if (stream.name === 'catalog' && step.catalog === undefined) continue;
    await load.prepare(stream);
  }
  if (step.truncates) await load.truncate('change');
  for (const name of ['report', 'entity', 'change', 'event'] as const) await load.write(name, step[name]);
  if (step.catalog !== undefined) await load.write('catalog', step.catalog);
  const entry = {
    stream: 'report',
    slice: step.slice.key,
    status: 'good',
    rows: step.report.length,
    readAt: new Date(0).toISOString(),
    attempts: 1,
  } as const;
  await load.publish('report', step.slice, entry);
  await load.commit([{ stream: '', partition: 'position', value: position }]);
  say({ type: 'committed', position });
}

async function verify(at: number): Promise<void> {
  const expected = worldAt(seed, at);
  await using reader = await openClickHouse(options);
  const rows = async (sql: string): Promise<readonly Record<string, unknown>[]> => {
    let text = '';
    for await (const chunk of reader.query(sql, { format: 'JSONEachRow' })) text += Buffer.from(chunk).toString('utf8');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  const views = new Set(
    (await rows("SELECT name FROM system.tables WHERE database = 'travel'")).map(({ name }) => name),
  );
  for (const stream of Object.keys(STREAMS) as StreamName[]) {
    const table = `kill___${stream}`;
    const actual = views.has(table)
      ? (await rows(`SELECT * FROM travel.${table}`)).map((row) => lineOf(stream, row)).sort()
      : [];
    if (JSON.stringify(actual) === JSON.stringify(expected[stream])) continue;
    say({ type: 'wrong', position: at, stream, expected: expected[stream].length, actual: actual.length });
    process.exit(3);
  }
  const mutations = await rows('SELECT * FROM system.mutations');
  if (mutations.length > 0) {
    say({ type: 'wrong', position: at, mutations: mutations.length });
    process.exit(3);
  }
  const extra = [...views].filter((name) => /^_etl_(manifest|prepared|published|staging)_/.test(String(name)));
  if (extra.length > 0) {
    say({ type: 'wrong', position: at, leftovers: extra });
    process.exit(3);
  }
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { clickHouseError } from '../src/clickhouse-error.ts';
import { openClickHouse } from '../src/index.ts';

const OPEN = /* js */ `
  import { openClickHouse } from ${JSON.stringify(resolve(import.meta.dirname, '../src/index.ts'))};
  const [path, at] = process.argv.slice(-2);
  while (Date.now() < Number(at));
  const reader = await openClickHouse({ path, database: 'travel', lockWaitMs: 60_000 });
  for await (const chunk of reader.query('SELECT 1', { format: 'TSV' })) process.stdout.write(chunk);
  await reader[Symbol.asyncDispose]();
`;

interface Opened {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
}

async function open(path: string, at: number): Promise<Opened> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', OPEN, path, String(at)]);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { stdout, stderr, exitCode };
}

async function withDirectory(work: (path: string) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), 'etl-embedded-'));
  try {
    await work(path);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

it(
  'processes that open one directory at the same moment take turns, and none prints a thing',
  { timeout: 120_000 },
  async () => {
    await withDirectory(async (path) => {
      for (let round = 0; round < 3; round += 1) {
        const at = Date.now() + 2500;
        const opened = await Promise.all(Array.from({ length: 4 }, () => open(path, at)));
        for (const outcome of opened) expect(outcome).toEqual({ stdout: '1\n', stderr: '', exitCode: 0 });
      }
      expect((await readdir(path)).filter((name) => name.startsWith('etl-holder'))).toEqual([]);
    });
  },
);

it.each([
  [
    'of a process that is gone',
    JSON.stringify({ instance: 'x', host: hostname(), pid: 2 ** 30, namespace: '', startedAt: '' }),
  ],
  ['of another machine', JSON.stringify({ instance: 'x', host: 'elsewhere', pid: 1, namespace: 'y', startedAt: '' })],
  ['that cannot be read', '{'],
])('a note %s holds nobody off', async (_, note) => {
  await withDirectory(async (path) => {
    await writeFile(join(path, 'etl-holder.json'), note);
    expect(await open(path, 0)).toEqual({ stdout: '1\n', stderr: '', exitCode: 0 });
    expect(await readdir(path)).not.toContain('etl-holder.json');
  });
});

it.each([['below a file'], ['below a folder in which nobody can make one']])(
  'a directory %s is refused at once',
  async (where) => {
    await withDirectory(async (path) => {
      await writeFile(join(path, 'file'), '');
      const parent = where === 'below a file' ? join(path, 'file') : '/proc/nowhere';
      // In a process of its own: what never ends would take the tests with it.
      const { stdout, stderr, exitCode } = await open(join(parent, 'data'), 0);
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
      expect(stderr).toContain('CLICKHOUSE_EMBEDDED_UNWRITABLE');
    });
  },
);

it('who cannot see the process that holds the directory leaves the rows that it is inserting alone', async () => {
  await withDirectory(async (path) => {
    const hold = OPEN.replace(
      'await reader[Symbol.asyncDispose]()',
      "process.stdin.once('data', () => process.exit())",
    );
    const holder = spawn(process.execPath, ['--input-type=module', '--eval', hold, path, '0']);
    try {
      await once(holder.stdout, 'data');
      const note = { instance: 'x', host: 'another container', pid: 1, namespace: 'y', startedAt: '' };
      await writeFile(join(path, 'etl-holder.json'), JSON.stringify(note));
      await writeFile(join(path, 'etl-insert-x'), '[1]\n');
      const refused = openClickHouse({ path, database: 'travel', lockWaitMs: 0 });
      await expect(refused).rejects.toMatchObject({ code: 'CLICKHOUSE_EMBEDDED_BUSY' });
      expect(await readdir(path)).toContain('etl-insert-x');
    } finally {
      holder.stdin.end('\n');
      await once(holder, 'close');
    }
    expect(await open(path, 0)).toMatchObject({ stdout: '1\n' });
    expect(await readdir(path)).not.toContain('etl-insert-x');
  });
});

it("a refused query of one's own is answered with its names, and the loader's without what may be a cell", async () => {
  await withDirectory(async (path) => {
    const reader = await openClickHouse({ path, database: 'travel' });
    try {
      const asked = async (): Promise<void> => {
        const answer = reader.query("SELECT toUInt8('my-word') FROM numbers(1)")[Symbol.asyncIterator]();
        while ((await answer.next()).done !== true);
      };
      await expect(asked()).rejects.toMatchObject({
        code: 'CLICKHOUSE_STATEMENT_FAILED',
        message: expect.stringContaining("'my-word'"),
      });
    } finally {
      await reader[Symbol.asyncDispose]();
    }
  });
  const refused = Object.assign(new Error("Cannot parse string 'my-word' as UInt8."), { code: '6', type: 'X' });
  expect(clickHouseError(refused, 'here')).toMatchObject({ message: expect.not.stringContaining('my-word') });
});

// What importing the published @etl/core costs over a bare Node, with and without zod, its one peer.
//   node packages/core/bench/import-time.ts [rounds]
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

const LIMIT_MS = 60;
const rounds = Number(process.argv[2] ?? 9);
const directory = join(import.meta.dirname, '..');
const out = join(directory, '.import-time');
const tsup = join(directory, '../../node_modules/tsup/dist/cli-default.js');

async function runMs(code: string): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { cwd: directory, stdio: 'ignore' });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  if (exitCode !== 0) throw new Error(`It ended with ${exitCode}: ${code}`);
  return performance.now() - startedAt;
}

async function medianMs(code: string): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) times.push(await runMs(code));
  return times.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0;
}

try {
  const built = spawnSync(
    process.execPath,
    [tsup, '--config', '../../tsup.config.ts', '--no-dts', '--no-clean', '--out-dir', out],
    { cwd: directory, encoding: 'utf8' },
  );
  if (built.status !== 0) throw new Error(built.stdout + built.stderr);
  const bare = await medianMs('');
  const zod = (await medianMs("await import('zod')")) - bare;
  const core = (await medianMs("await import('./.import-time/index.js')")) - bare;
  process.stdout.write(
    `bare Node ${Math.round(bare)} ms; @etl/core ${Math.round(core)} ms over it (limit ${LIMIT_MS} ms), ` +
      `of them zod ${Math.round(zod)} ms\n`,
  );
  process.exitCode = core < LIMIT_MS ? 0 : 1;
} finally {
  await rm(out, { recursive: true, force: true });
}

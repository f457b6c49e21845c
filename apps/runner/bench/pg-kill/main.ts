// Kills `etl run pg` at random moments and crashes PostgreSQL, while several sessions write, alter and truncate
// tables; after every few kills both sides must hold the same.
//   node apps/runner/bench/pg-kill/main.ts [--seed 1] [--kills 200] [--crashes 20] [--writers 3] [--server]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startKillScene } from './kill-scene.ts';
import { killTest } from './kill-test.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    kills: { type: 'string', default: '200' },
    crashes: { type: 'string', default: '20' },
    writers: { type: 'string', default: '3' },
    server: { type: 'boolean', default: false },
  },
});
const startedAt = performance.now();
const say = (line: string): void =>
  void process.stdout.write(`${Math.round((performance.now() - startedAt) / 1000)} s  ${line}\n`);
const directory = await mkdtemp(join(tmpdir(), 'etl-pg-kill-'));
try {
  await using scene = await startKillScene({ directory, isServer: values.server });
  say(
    `seed ${values.seed}, ${values.kills} kills, ${values.crashes} crashes, ${values.server ? 'a server' : 'embedded'}`,
  );
  const result = await killTest(scene, {
    seed: Number(values.seed),
    kills: Number(values.kills),
    crashes: Number(values.crashes),
    writers: Number(values.writers),
    say,
  });
  const { problems, ...counts } = result;
  say(`${problems.length === 0 ? 'EQUAL every time' : 'FAILED'}: ${JSON.stringify(counts)}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}

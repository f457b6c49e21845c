import { expect, test } from 'vitest';
import { startKillScene } from '../bench/pg-kill/kill-scene.ts';
import { killTest } from '../bench/pg-kill/kill-test.ts';
import { temporaryDirectory } from './etl-process.ts';

// The long form is `node apps/runner/bench/pg-kill/main.ts`, with a new seed each time.
test.for([
  { place: 'an embedded database', isServer: false, seed: 20261123, kills: 4, crashes: 1 },
  { place: 'a server', isServer: true, seed: 20261124, kills: 3, crashes: 0 },
])(
  'kill_9_at_random_points, pg_immediate_crash_during_stream: into $place, nothing is lost and nothing doubled',
  { timeout: 180_000 },
  async ({ isServer, ...options }) => {
    await using directory = await temporaryDirectory();
    await using scene = await startKillScene({ directory: directory.path, isServer });
    const lines: string[] = [];
    const result = await killTest(scene, { ...options, say: (line) => void lines.push(line) });
    expect(result.problems, `seed ${options.seed}\n${lines.join('\n')}`).toEqual([]);
    expect(result.kills).toBe(options.kills);
  },
);

import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { defineConfig } from 'vitest/config';

const packages = ['packages', 'apps'].flatMap((parent) => readdirSync(parent).map((name) => path.join(parent, name)));

export default defineConfig({
  test: {
    // Half of the time of a test goes to servers and programs that it has started.
    maxWorkers: availableParallelism(),
    projects: [...packages, 'scripts'].map((root) => ({
      extends: true as const,
      test: {
        name: path.basename(root),
        root,
        include: ['test/**/*.test.ts'],
        // One process per file: an embedded ClickHouse is one per process.
        pool: 'forks' as const,
        testTimeout: 60_000,
        hookTimeout: 120_000,
      },
    })),
  },
});

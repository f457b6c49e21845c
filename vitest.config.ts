import { readdirSync } from 'node:fs';
import path from 'node:path';
import { defineConfig } from 'vitest/config';

const packages = ['packages', 'apps'].flatMap((parent) => readdirSync(parent).map((name) => path.join(parent, name)));

export default defineConfig({
  test: {
    projects: [...packages, 'scripts'].map((root) => ({
      extends: true as const,
      test: {
        name: path.basename(root),
        root,
        include: ['test/**/*.test.ts'],
        // One process per file: an embedded ClickHouse is one per process.
        pool: 'forks' as const,
        testTimeout: 30_000,
        hookTimeout: 60_000,
      },
    })),
  },
});

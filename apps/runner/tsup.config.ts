import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/cli.ts'],
  format: 'esm',
  target: 'node22.18',
  clean: true,
  sourcemap: true,
  // Commands and platforms stay files of their own, so that each is read only when it is used.
  splitting: true,
});

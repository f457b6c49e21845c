import { readFileSync } from 'node:fs';
import { defineConfig } from 'tsup';

// Run in a package, whose `exports` name its entry points by their source files.
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, string> };
const sources = Object.values(manifest.exports).map((file) => file.replace('./', ''));

export default defineConfig({
  entry: Object.fromEntries(sources.map((file) => [file.replace(/^src\/(.*)\.ts$/, '$1'), file])),
  format: 'esm',
  target: 'node22.18',
  dts: true,
  clean: true,
  sourcemap: true,
});

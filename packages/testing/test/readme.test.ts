import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const text = (path: string): string => readFileSync(join(import.meta.dirname, '..', path), 'utf8');
const plain = (code: string): string => code.replaceAll(/\s+/g, ' ').trim();

it.each(['examples/prices/prices.ts', 'test/prices-example.test.ts'])('the README shows %s as it is', (path) => {
  const code = text(path).replace('../examples/prices/prices.ts', '../src/prices.ts');
  expect(plain(text('README.md'))).toContain(plain(code));
});

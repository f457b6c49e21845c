import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from './run.ts';

const root = path.join(import.meta.dirname, '..', '..');

/** Compiles the first example of every README as somebody would who has copied it into a project of their own. */
export async function checkExamples(): Promise<string[]> {
  // The command depends on every package, so each of them is found from here.
  const folder = mkdtempSync(path.join(root, 'apps/runner/.examples-'));
  try {
    for (const [name, example] of examples()) writeFileSync(path.join(folder, `${name}.ts`), example);
    const compilerOptions = { noEmit: true, noPropertyAccessFromIndexSignature: false };
    const config = { extends: path.join(root, 'tsconfig.base.json'), compilerOptions, include: ['*.ts'] };
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(config));
    return await run('node', 'node_modules/typescript-7/bin/tsc', '--project', folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function* examples(): Generator<readonly [name: string, example: string]> {
  for (const name of readdirSync(path.join(root, 'packages'))) {
    const [first = ''] = blocks(path.join(root, 'packages', name, 'README.md'));
    yield [name, first];
  }
  for (const [index, example] of blocks(path.join(root, 'README.md')).entries()) yield [`root-${index}`, example];
}

function blocks(file: string): readonly string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^```ts\n(.*?)^```/gms)].map(([, text = '']) => text);
}

import path from 'node:path';
import { repositoryFiles, type TextFile } from './repository-files.ts';

const VAGUE_NAMES = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'types', 'shared']);
const RUN_AS_IT_IS = /^(?:packages|apps)\/[^/]+\/src\/.*\.ts$/;
const TEST_SUITE = /from 'vitest'/;
const USING = /^\s*(?:await )?using \w+ =/m;

/** What the linter cannot see. */
export function sourceProblems({ path: file, text }: TextFile): string[] {
  const problems: string[] = [];
  if (RUN_AS_IT_IS.test(file) && USING.test(text) && !TEST_SUITE.test(text)) {
    const line = text.slice(0, text.search(USING)).split('\n').length;
    problems.push(
      `${file}:${line} Node 22 runs this file as it is and has no \`using\` (tests are compiled and may use it)`,
    );
  }
  const name = path.basename(file, '.ts');
  if (file.endsWith('.ts') && VAGUE_NAMES.has(name)) problems.push(`${file} should be named after its one concept`);
  return problems;
}

export async function checkSources(): Promise<string[]> {
  return repositoryFiles().flatMap(sourceProblems);
}

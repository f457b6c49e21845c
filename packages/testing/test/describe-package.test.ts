import { rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { describePackage, packageChecks } from '../src/index.ts';
import { PACKAGE_MUTANTS, sightOfPackageBug, writePackage } from './package/package-mutants.ts';

const directory = writePackage();
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describePackage(directory);

describe('a planted bug of a package is seen', () => {
  it.each(PACKAGE_MUTANTS)(
    '%s → %s',
    async (_bug, promise, files) => {
      expect(await sightOfPackageBug(files, promise)).toBeDefined();
    },
    120_000,
  );

  it('by every promise', () => {
    const seen = new Set(PACKAGE_MUTANTS.map(([, promise]) => promise));
    expect(packageChecks.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual([]);
  });
});

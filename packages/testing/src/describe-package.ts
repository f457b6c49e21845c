import { beforeAll, describe, it } from 'vitest';
import { packageChecks } from './package/package-checks.ts';
import { PackageUnderTest, type PackageOptions } from './package/package-under-test.ts';

/**
 * What everybody expects of a package that they install, as tests.
 *
 * @example
 * ```ts
 * describePackage(new URL('..', import.meta.url), { lazyModules: ['google-ads-api'] });
 * ```
 */
export function describePackage(directory: string | URL, options: PackageOptions = {}): void {
  describe('the package', () => {
    let given: PackageUnderTest;
    beforeAll(() => {
      given = new PackageUnderTest(directory, options);
    });

    for (const check of packageChecks) it(check.name, () => check.run(given), 120_000);
  });
}

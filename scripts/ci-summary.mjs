// Adds up the tests and the static checks of a run of `.ci/run`.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

const folder = String(process.argv[2]);

/** @typedef {{ passed: number, failed: number, skipped: number }} Count */

/** @returns {Count} */
function countTests() {
  const file = path.join(folder, 'tests.json');
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0 };
  const report = JSON.parse(readFileSync(file, 'utf8'));
  /** @type {{ status: string, assertionResults: { status: string }[] }[]} */
  const files = report.testResults;
  const tests = files.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status));
  const failedTests = tests.filter((status) => status === 'failed').length;
  // A file that cannot be loaded, or whose setup fails, has no failed test of its own.
  const brokenFiles = files.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = failedTests + brokenFiles;
  return {
    passed: tests.filter((status) => status === 'passed').length,
    failed: failed === 0 && !report.success ? 1 : failed,
    skipped: tests.filter((status) => status !== 'passed' && status !== 'failed').length,
  };
}

/** @returns {Count} */
function countChecks() {
  const log = path.join(folder, 'checks.log');
  const match = /^(\d+) passed, (\d+) failed$/m.exec(existsSync(log) ? readFileSync(log, 'utf8') : '');
  return match === null
    ? { passed: 0, failed: 1, skipped: 0 }
    : { passed: Number(match[1]), failed: Number(match[2]), skipped: 0 };
}

const [tests, checks] = [countTests(), countChecks()];
process.stdout.write(`tests: ${tests.passed} passed, ${tests.failed} failed, ${tests.skipped} skipped\n`);
process.stdout.write(`static checks: ${checks.passed} passed, ${checks.failed} failed\n`);
process.stdout.write(`${tests.passed + checks.passed} passed, ${tests.failed + checks.failed} failed\n`);
process.exitCode = tests.failed + checks.failed === 0 && tests.passed > 0 ? 0 : 1;

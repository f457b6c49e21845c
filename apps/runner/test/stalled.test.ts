import { expect, test } from 'vitest';
import { runEtl, temporaryDirectory } from './etl-process.ts';

test('a run that waits for what will never come says so, and does not end as if all were well', async () => {
  await using directory = await temporaryDirectory();
  const group = { url: 'http://never.invalid', token: 'secret-of-the-fixture', accounts: ['a'] };
  const { exitCode, output } = await runEtl(['run', 'facebook', 'd1', '--embedded'], {
    cwd: directory.path,
    withFixture: true,
    env: { ETL_GROUPS_FACEBOOK: JSON.stringify({ d1: group }) },
  });
  expect(output).toContain('COMMAND_STALLED');
  expect(output).toContain('run again');
  expect(exitCode).toBe(70);
});

import { once } from 'node:events';
import { expect, test } from 'vitest';
import { runEtl, startEtl, temporaryDirectory } from './etl-process.ts';

test(
  'prints groups that load from it, answers until it is stopped, and is no run that failed',
  {
    timeout: 60_000,
  },
  async () => {
    await using directory = await temporaryDirectory();
    const options = { cwd: directory.path };
    const sandbox = startEtl(['sandbox', '--port', '0', '--seed', 'a test'], options);
    const [text] = (await once(sandbox.child.stdout!, 'data')) as [string];
    const [, groups = ''] = /export ETL_GROUPS_FACEBOOK='(.*)'/.exec(text) ?? [];
    const { d1 } = JSON.parse(groups) as { d1: { token: string; account_ids: string[]; base_url: string } };
    const response = await fetch(`${d1.base_url}/v25.0/act_${d1.account_ids[0]}?fields=currency`, {
      headers: { authorization: `Bearer ${d1.token}` },
    });
    expect(await response.json()).toMatchObject({ currency: 'USD' });
    const check = await runEtl(['check', 'facebook', 'd1', '--embedded'], {
      ...options,
      env: { ETL_GROUPS_FACEBOOK: groups },
    });
    expect(check.exitCode, check.output).toBe(0);

    const taken = await runEtl(['sandbox', '--port', new URL(d1.base_url).port], options);
    expect(taken.exitCode, taken.output).toBe(2);
    expect(taken.stderr).toContain('--port 0');
    sandbox.child.kill('SIGTERM');
    expect((await sandbox.outcome).exitCode).toBe(0);
  },
);

test.each([[['--port', 'http']], [['--speed', '-1']]])('refuses %o as a mistake of the command line', async (args) => {
  await using directory = await temporaryDirectory();
  const { exitCode, stderr } = await runEtl(['sandbox', ...args], { cwd: directory.path });
  expect(exitCode).toBe(2);
  expect(stderr).toContain(args[0]);
});
